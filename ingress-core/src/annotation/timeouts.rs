//! `proxy-connect-timeout`, `proxy-read-timeout`, `proxy-send-timeout`.

use super::{Invalid, Values, value};
use crate::policy::Timeouts;
use crate::value::some_seconds;

/// What is accepted.
pub(crate) const EXPECTED: &str = "whole seconds without a unit, at least 1, such as \"60\"";

/// Reads the timeouts: whole seconds from 1 to 2147483647, as in ingress-nginx without a unit. What cannot be read is as if it were not
/// there: then `default` holds.
#[must_use]
pub fn timeouts(values: &Values, default: Timeouts) -> (Timeouts, Vec<Invalid>) {
    let mut timeouts = default;
    let mut invalid = Vec::new();
    let fields = [
        ("proxy-connect-timeout", &mut timeouts.connect),
        ("proxy-read-timeout", &mut timeouts.read),
        ("proxy-send-timeout", &mut timeouts.send),
    ];
    for (name, field) in fields {
        match value(values, name).map(|text| some_seconds(text).ok_or(text)) {
            None => {}
            Some(Ok(time)) => *field = time,
            Some(Err(text)) => invalid.push(Invalid::new(name, EXPECTED, text)),
        }
    }
    (timeouts, invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::PREFIX;
    use std::time::Duration;

    fn read(text: &str) -> (Timeouts, Vec<Invalid>) {
        timeouts(&[(format!("{PREFIX}proxy-read-timeout"), text.to_owned())].into(), Timeouts::default())
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(timeouts(&Values::new(), Timeouts::default()), (Timeouts::default(), vec![]));
        for (text, seconds) in [("1", 1), ("+60", 60), ("3600", 3600), ("2147483647", 2_147_483_647)] {
            let expected = Timeouts { read: Duration::from_secs(seconds), ..Timeouts::default() };
            assert_eq!(read(text), (expected, vec![]), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_leaves_the_default() {
        for text in ["", "60s", " 60", "0", "-1", "1.5", "99999999999999999999", "sixty"] {
            let (timeouts, invalid) = read(text);
            assert_eq!(timeouts, Timeouts::default());
            assert_eq!(invalid.len(), 1, "{text}");
            assert_eq!(invalid[0].name, "proxy-read-timeout");
        }
        let message = read("5x").1[0].to_string();
        assert_eq!(message, format!("expected {EXPECTED}, got \"5x\"; the default holds"));
    }
}
