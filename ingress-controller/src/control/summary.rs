//! What is said about what is served: all of it at the start, later what changed.

use std::collections::{BTreeMap, BTreeSet};

use ingress_core::{
    Backend, Endpoints, Finding, ObjectName, Report, Route, Severity, Skipped, Snapshot, Upstream,
};

use super::Published;
use crate::source::Problem;

/// Hosts that are listed at the start, and routes of each.
const MOST_HOSTS: usize = 20;
const MOST_ROUTES: usize = 10;
/// Names in a line about changes.
const MOST_NAMES: usize = 5;
/// Lines about findings of one sort.
const MOST_LINES: usize = 100;

/// One line for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Info(String),
    Warn(String),
    Error(String),
}

pub(super) fn log(lines: &[Line]) {
    for line in lines {
        match line {
            Line::Info(text) => tracing::info!("{text}"),
            Line::Warn(text) => tracing::warn!("{text}"),
            Line::Error(text) => tracing::error!("{text}"),
        }
    }
}

/// All that is served.
pub(super) fn all(snapshot: &Snapshot, published: &Published) -> Vec<Line> {
    let mut lines = vec![Line::Info(totals(published))];
    let mut hosts: Vec<_> = snapshot.routes.hosts().collect();
    hosts.sort_by(|a, b| a.0.cmp(&b.0));
    for (host, routes) in hosts.iter().take(MOST_HOSTS) {
        let mut shown: Vec<_> =
            routes.routes().iter().take(MOST_ROUTES).map(|route| describe(route, snapshot)).collect();
        if let Some(more) = routes.routes().len().checked_sub(MOST_ROUTES).filter(|more| *more > 0) {
            shown.push(format!("and {more} more"));
        }
        lines.push(Line::Info(format!("{host}: {}", shown.join(", "))));
    }
    if let Some(more) = hosts.len().checked_sub(MOST_HOSTS).filter(|more| *more > 0) {
        lines.push(Line::Info(format!("and {}", counted(more, "more host"))));
    }
    if let Some(route) = snapshot.routes.default_route() {
        lines.push(Line::Info(format!("anything else → {}", backend(route, snapshot))));
    }
    if hosts.is_empty() && snapshot.routes.default_route().is_none() {
        lines.push(Line::Warn("no rule is served yet, so every request is answered 404".into()));
    }
    reports(&Published::default(), published, &mut lines);
    lines
}

/// What changed from one to the other; nothing if nothing did.
pub(super) fn delta(before: (&Snapshot, &Published), after: (&Snapshot, &Published)) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut parts = Vec::new();
    let (old, new) = changed_routes(before.0, after.0);
    let leads = |name: &str, _: &&Route, new: &&Route| format!("{name} → {}", backend(new, after.0));
    compare("route", (&old, &new), leads, &mut parts);
    if before.0.routes.default_route() != after.0.routes.default_route() {
        parts.push(match after.0.routes.default_route() {
            Some(route) => format!("anything else → {}", backend(route, after.0)),
            None => "no default backend any more".into(),
        });
    }
    let (old, new) = (upstreams(before.0, after.0), upstreams(after.0, before.0));
    compare("upstream", (&old, &new), changed_upstream, &mut parts);
    if !parts.is_empty() {
        lines.push(Line::Info(format!("{}; now {}", parts.join(", "), totals(after.1))));
    }
    reports(before.1, after.1, &mut lines);
    lines
}

/// A change of endpoints is part of every day: it is logged only for who looks for a fault.
pub(super) fn log_endpoints(services: &BTreeSet<ObjectName>, before: &Published, after: &Published) {
    let names: Vec<_> = services.iter().take(MOST_NAMES).map(ToString::to_string).collect();
    tracing::debug!("endpoints changed: {} ({})", counted(services.len(), "service"), names.join("; "));
    let mut lines = Vec::new();
    reports(before, after, &mut lines);
    log(&lines);
}

fn totals(published: &Published) -> String {
    let counts = published.counts;
    format!(
        "{} with {} and {}, {} with {}",
        counted(published.report.ingresses, "Ingress"),
        counted(counts.hosts, "host"),
        counted(counts.routes, "route"),
        counted(counts.upstreams, "upstream"),
        counted(counts.endpoints, "endpoint")
    )
}

fn counted(number: usize, word: &str) -> String {
    match (number, word.ends_with('s')) {
        (1, _) => format!("1 {word}"),
        (_, true) => format!("{number} {word}es"),
        (_, false) => format!("{number} {word}s"),
    }
}

fn describe(route: &Route, snapshot: &Snapshot) -> String {
    let exact = if route.path.is_exact() { " exactly" } else { "" };
    format!("{}{exact} → {}", route.path, backend(route, snapshot))
}

fn backend(route: &Route, snapshot: &Snapshot) -> String {
    match &route.backend {
        Backend::Upstream(name) => match snapshot.upstreams.get(name) {
            Some(upstream) => format!("{name} ({})", endpoints(upstream)),
            None => format!("{name} (missing)"),
        },
        Backend::Denied(reason) => format!("denied, {reason}"),
        _ => "unknown".into(),
    }
}

fn endpoints(upstream: &Upstream) -> String {
    match &upstream.endpoints {
        Endpoints::Addresses(addresses) if addresses.is_empty() => "no endpoints".into(),
        Endpoints::Addresses(addresses) => counted(addresses.len(), "endpoint"),
        Endpoints::Dns { name, port } => format!("{name}:{port}"),
        _ => "unknown".into(),
    }
}

type Routes<'s> = BTreeMap<String, &'s Route>;

/// The routes of those hosts that are not the same in both.
fn changed_routes<'s>(before: &'s Snapshot, after: &'s Snapshot) -> (Routes<'s>, Routes<'s>) {
    let of = |one: &'s Snapshot, other: &'s Snapshot| {
        let mut found = BTreeMap::new();
        for (host, routes) in one.routes.changed_since(&other.routes) {
            for route in routes.routes() {
                let exact = if route.path.is_exact() { " exactly" } else { "" };
                found.insert(format!("{host}{}{exact}", route.path), &**route);
            }
        }
        found
    };
    (of(before, after), of(after, before))
}

/// Those upstreams that are not the same in the other.
fn upstreams<'s>(one: &'s Snapshot, other: &'s Snapshot) -> BTreeMap<String, &'s Upstream> {
    let differ = one.upstreams.changed_since(&other.upstreams);
    differ.map(|upstream| (upstream.name.to_string(), &**upstream)).collect()
}

fn changed_upstream(name: &str, before: &&Upstream, after: &&Upstream) -> String {
    let (old, new) = (endpoints(before), endpoints(after));
    if old == new { format!("{name}, other addresses") } else { format!("{name}, {old} → {new}") }
}

/// Adds `2 routes added (a; b)` and its like.
fn compare<V: PartialEq>(
    word: &str,
    (before, after): (&BTreeMap<String, V>, &BTreeMap<String, V>),
    change: impl Fn(&str, &V, &V) -> String,
    parts: &mut Vec<String>,
) {
    let missing_in = |other: &BTreeMap<String, V>, one: &BTreeMap<String, V>| -> Vec<String> {
        one.keys().filter(|key| !other.contains_key(*key)).cloned().collect()
    };
    let changed = after.iter().filter_map(|(key, value)| {
        let old = before.get(key).filter(|old| *old != value)?;
        Some(change(key, old, value))
    });
    for (mut names, what) in [
        (missing_in(before, after), "added"),
        (missing_in(after, before), "removed"),
        (changed.collect(), "changed"),
    ] {
        if names.is_empty() {
            continue;
        }
        let number = counted(names.len(), word);
        if names.len() > MOST_NAMES {
            names.truncate(MOST_NAMES);
            names.push("…".into());
        }
        parts.push(format!("{number} {what} ({})", names.join("; ")));
    }
}

/// What is to be said about objects and files that was not said before, and what is over.
fn reports(before: &Published, after: &Published, lines: &mut Vec<Line>) {
    let skipped =
        |skipped: &Skipped| Line::Info(format!("{} is left alone: {}", skipped.object, skipped.reason));
    let finding = |finding: &Finding| match finding.severity {
        Severity::Warning => Line::Warn(finding.to_string()),
        _ => Line::Error(finding.to_string()),
    };
    let problem = |problem: &Problem| Line::Error(problem.to_string());
    let (old, new): (&Report, &Report) = (&before.report, &after.report);
    added(&old.skipped, &new.skipped, skipped, lines);
    added(&old.findings, &new.findings, finding, lines);
    added(&before.problems, &after.problems, problem, lines);
    // The other way round: what was there before and is not now.
    added(&new.findings, &old.findings, |over| Line::Info(format!("resolved: {over}")), lines);
    added(&after.problems, &before.problems, |over| Line::Info(format!("resolved: {over}")), lines);
}

/// A line for each of `after` that is not in `before`.
fn added<T: Ord>(before: &[T], after: &[T], line: impl Fn(&T) -> Line, lines: &mut Vec<Line>) {
    let before: BTreeSet<_> = before.iter().collect();
    let mut new = after.iter().filter(|one| !before.contains(*one));
    lines.extend(new.by_ref().take(MOST_LINES).map(line));
    match new.count() {
        0 => {}
        more => lines.push(Line::Info(format!("and {more} more of this sort"))),
    }
}

#[cfg(test)]
mod tests;
