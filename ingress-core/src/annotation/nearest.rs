//! Which annotation somebody meant.

use super::TABLE;

/// The name in [`TABLE`] that is closest to a misspelt one, if any is close: at most two letters added, left out, changed or swapped.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    among(name, TABLE.iter().map(|annotation| annotation.name))
}

/// The closest of some names.
pub(crate) fn among(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    const CLOSE: usize = 2;
    // Nothing longer is close to any name, and the work grows with the length.
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let distances = names.map(|name| (distance(&lower, name), name));
    distances.filter(|(distance, _)| *distance <= CLOSE).min().map(|(_, name)| name)
}

/// Edits from one word to the other, where a swap of neighbours is one (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (row, &x) in a.iter().enumerate() {
        let mut next = vec![row + 1];
        let mut previous_b = None;
        for (column, &y) in b.iter().enumerate() {
            let change = at(&last, column) + usize::from(x != y);
            let gap = at(&last, column + 1).min(at(&next, column)) + 1;
            let mut best = change.min(gap);
            if previous_a == Some(y) && previous_b == Some(x) && column > 0 {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
            previous_b = Some(y);
        }
        before = std::mem::replace(&mut last, next);
        previous_a = Some(x);
    }
    at(&last, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found_and_others_not() {
        for (name, near) in [
            ("rewrite-traget", Some("rewrite-target")),
            ("proxy-read-timeuot", Some("proxy-read-timeout")),
            ("Proxy_Body_Size", Some("proxy-body-size")),
            ("auth-ur", Some("auth-url")),
            ("cannary", Some("canary")),
            ("secure-backends", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name), near, "{name}");
        }
        assert_eq!(nearest(&"a".repeat(1_000_000)), None);
    }
}
