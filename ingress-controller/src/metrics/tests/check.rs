//! A strict reader of the text format, version 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// All samples by `name{labels}`, after a check of everything that the format asks for.
pub(super) fn parse(text: &str) -> BTreeMap<String, f64> {
    assert!(text.is_empty() || text.ends_with('\n'));
    let mut samples = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let (name, help) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        assert!(is_name(name, ':') && !help.is_empty() && !help.contains('\\'), "{name}: {help}");
        assert!(seen.insert(name.to_owned()), "{name} is there twice");
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        let mut family = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (full, labels) = labels(series);
            let value: f64 = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() };
            family.push((full.to_owned(), labels, value));
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} is there twice");
        }
        assert!(!family.is_empty(), "{name} has no samples");
        match kind {
            "histogram" => histogram(name, &family),
            "counter" | "gauge" => {
                assert!(family.iter().all(|(full, labels, _)| full == name && !labels.contains_key("le")));
                assert!(kind == "gauge" || family.iter().all(|(_, _, value)| *value >= 0.0), "{name}");
            }
            other => panic!("{name} is a {other}"),
        }
    }
    samples
}

type Labels = BTreeMap<String, String>;

fn is_name(name: &str, also: char) -> bool {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == also;
    !name.is_empty() && name.chars().all(valid) && !name.starts_with(|letter: char| letter.is_ascii_digit())
}

/// Name and labels of `name{a="b",c="d"}`.
fn labels(series: &str) -> (&str, Labels) {
    let Some((name, rest)) = series.split_once('{') else {
        assert!(is_name(series, ':'), "{series}");
        return (series, Labels::new());
    };
    assert!(is_name(name, ':'), "{series}");
    let mut rest = rest.strip_suffix('}').unwrap();
    let mut found = Labels::new();
    loop {
        let (label, value) = rest.split_once("=\"").unwrap();
        assert!(is_name(label, '_'), "{series}");
        let (mut text, mut letters) = (String::new(), value.char_indices());
        let end = loop {
            match letters.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => text.push(match letters.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("\\{other} in {series}"),
                }),
                (_, letter) => text.push(letter),
            }
        };
        assert!(found.insert(label.to_owned(), text).is_none(), "{label} twice in {series}");
        rest = value.split_at(end + 1).1;
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break assert_eq!(rest, "", "{series}"),
        }
    }
    (name, found)
}

/// Bounds with their numbers, sum, count.
type Histogram = (Vec<(f64, f64)>, Option<f64>, Option<f64>);

/// Buckets rise in bound and number, the last one is `+Inf` and equals the count, and there is a sum.
fn histogram(name: &str, family: &[(String, Labels, f64)]) {
    let mut series = BTreeMap::<Labels, Histogram>::new();
    for (full, labels, value) in family {
        let mut labels = labels.clone();
        let bound = labels.remove("le");
        let (buckets, sum, count) = series.entry(labels).or_default();
        match (full.strip_prefix(name).unwrap(), bound) {
            ("_bucket", Some(bound)) => {
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
                assert!(buckets.last().is_none_or(|last| last.0 < bound && last.1 <= *value), "{full}");
                buckets.push((bound, *value));
            }
            ("_sum", None) => assert!(sum.replace(*value).is_none()),
            ("_count", None) => assert!(count.replace(*value).is_none()),
            other => panic!("{name}: {other:?}"),
        }
    }
    for (labels, (buckets, sum, count)) in series {
        assert!(
            sum.is_some() && buckets.last() == Some(&(f64::INFINITY, count.unwrap())),
            "{name} {labels:?}"
        );
    }
}
