//! Two rules for the same host, path and type of path: the older Ingress wins.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::class::Served;
use super::report::{Finding, Severity};
use super::rules::{Draft, Target};
use crate::route::HostPattern;

/// Drops the drafts that an earlier one has taken the place of, with a finding for each.
///
/// Earlier is older, or further up in the same Ingress. Exact and Prefix of one path do not meet, nor do `/foo` and `/foo/`. A path that
/// was skipped, such as one with a resource backend, is no draft and takes no place.
pub(super) fn settle<'o>(
    drafts: Vec<Draft<'o>>,
    served: &[Served<'o>],
    findings: &mut Vec<Finding>,
) -> Vec<Draft<'o>> {
    let mut places: HashMap<(&HostPattern, &str, bool), &Draft<'o>> = HashMap::with_capacity(drafts.len());
    let mut lost = vec![false; drafts.len()];
    for (draft, lost) in drafts.iter().zip(&mut lost) {
        match places.entry((&draft.host, draft.path.normal(), draft.path.is_exact())) {
            Entry::Vacant(entry) => drop(entry.insert(draft)),
            Entry::Occupied(winner) => {
                findings.extend(finding(draft, winner.get(), served));
                *lost = true;
            }
        }
    }
    drop(places);
    let mut lost = lost.into_iter();
    drafts.into_iter().filter(|_| !lost.next().unwrap_or_default()).collect()
}

fn finding(loser: &Draft<'_>, winner: &Draft<'_>, served: &[Served<'_>]) -> Option<Finding> {
    let (ingress, owner) = (served.get(loser.ingress)?, served.get(winner.ingress)?);
    let path = super::report::quoted(loser.path.as_str());
    let kind = if loser.path.is_exact() { "Exact" } else { "Prefix" };
    let host = match &loser.host {
        HostPattern::Any => "all hosts".to_owned(),
        host => format!("host {host}"),
    };
    let who = if loser.ingress == winner.ingress {
        format!("{} of the same ingress", winner.place.path_field())
    } else {
        format!("{}, {}, which comes first by age or name", owner.reference(), winner.place.path_field())
    };
    // The same Service in another namespace is another one.
    let same = ingress.object.namespace == owner.object.namespace
        && loser.target == winner.target
        && matches!(loser.target, Target::Service { .. });
    Some(Finding::new(
        if same { Severity::Warning } else { Severity::Error },
        "PathConflict",
        ingress.reference(),
        loser.place.path_field(),
        format!("{kind} {path} of {host} is taken by {who}; this one is ignored"),
        "remove one of the two",
    ))
}
