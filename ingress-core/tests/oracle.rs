//! [`RouteTable::find`] against a matcher that looks at every route and shares no code with it.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use ingress_core::{Backend, HostPattern, PathPattern, Route, RouteTable, normalize};
use proptest::prelude::*;

/// A rule: host, path, exact.
type Rule = (String, String, bool);

/// How well a host pattern fits: 2 exactly, 1 by wildcard, 0 as any host.
fn host_rank(pattern: &str, host: &str) -> Option<u8> {
    match pattern.strip_prefix("*.") {
        None if pattern.is_empty() => Some(0),
        None => (pattern == host).then_some(2),
        Some(parent) => {
            let (label, rest) = host.split_once('.')?;
            (rest == parent && !label.is_empty()).then_some(1)
        }
    }
}

/// How well a path pattern fits: Exact first, then the longer; a slash at the end of a Prefix counts only for what is below it.
fn path_rank(pattern: &str, exact: bool, path: &str) -> Option<(bool, usize, bool)> {
    let elements =
        |text: &str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (rule, request) = (elements(pattern), elements(path));
    let slash = pattern.ends_with('/');
    let bare = rule == request && !path.ends_with('/');
    let fits = if exact { pattern == path } else { request.starts_with(&rule) };
    fits.then_some((exact, rule.len(), slash != bare))
}

fn expected<'r>(rules: &'r [Rule], host: &str, path: &str) -> Option<&'r Rule> {
    let best_host = rules.iter().filter_map(|rule| host_rank(&rule.0, host)).max()?;
    let of_host = rules.iter().filter(|rule| host_rank(&rule.0, host) == Some(best_host));
    let ranked =
        of_host.filter_map(|rule| Some((path_rank(&normalize(&rule.1).unwrap(), rule.2, path)?, rule)));
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, rule)| rule)
}

fn hosts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "(\\*\\.)?([ab]\\.){0,2}[ab]\\.c".prop_map(|host| host),
        Just("*.c".to_owned()),
        Just("c".to_owned()),
    ]
}

/// Paths of few elements from a small alphabet, so that they meet often.
fn paths() -> impl Strategy<Value = String> {
    let element = prop_oneof![
        4 => "[ab]{1,2}",
        1 => Just("{a}".to_owned()),
        1 => Just("{*a}".to_owned()),
        1 => Just("a b".to_owned()),
        1 => Just("%25".to_owned()),
        1 => Just("a%2Fb".to_owned()),
        1 => Just("%61".to_owned()),
        1 => Just("é".to_owned()),
        1 => Just("*".to_owned()),
        1 => Just(":a".to_owned()),
    ];
    (prop::collection::vec(element, 0..4), any::<bool>()).prop_map(|(elements, slash)| {
        let path: String = elements.iter().map(|element| format!("/{element}")).collect();
        if slash || path.is_empty() { path + "/" } else { path }
    })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec((hosts(), paths(), any::<bool>()), 0..40).prop_map(|mut rules| {
        let mut seen = std::collections::HashSet::new();
        rules.retain(|(host, path, exact)| {
            seen.insert((host.clone(), normalize(path).unwrap().into_owned(), *exact))
        });
        rules
    })
}

fn table(rules: &[Rule]) -> RouteTable {
    let mut builder = RouteTable::builder();
    for (host, path, exact) in rules {
        let pattern = if *exact { PathPattern::exact(path) } else { PathPattern::prefix(path) }.unwrap();
        let backend = Backend::Upstream("u".into());
        builder = builder.route(Route::new(HostPattern::parse(host).unwrap(), pattern, backend));
    }
    builder.build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_table_agrees_with_a_look_at_every_rule(
        rules in rules(),
        requests in prop::collection::vec(("([ab]\\.){0,3}[abc](\\.c)?", paths()), 1..60),
    ) {
        let table = table(&rules);
        // Half of the requests are for hosts and paths that rules name.
        let named = rules.iter().zip(rules.iter().rev()).map(|(a, b)| (a.0.replace('*', "a"), b.1.clone()));
        for (host, path) in named.chain(requests) {
            let path = normalize(&path).unwrap();
            let found = table.find(&host, &path).map(|found| {
                let route = found.route;
                (route.host.to_string(), route.path.as_str(), route.path.is_exact())
            });
            let expected = expected(&rules, &host, &path).map(|(host, path, exact)| {
                (HostPattern::parse(host).unwrap().to_string(), path.as_str(), *exact)
            });
            prop_assert_eq!(found, expected, "{} {}", host, path);
        }
    }
}
