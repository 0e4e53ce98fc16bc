//! `proxy-next-upstream`, `proxy-next-upstream-tries`, `proxy-next-upstream-timeout`.

use super::{Invalid, Values, value};
use crate::policy::Retry;
use crate::value::{number, seconds};

/// Conditions of ingress-nginx that look at the answer, which is not done yet.
const LATER: [&str; 7] =
    ["invalid_header", "http_500", "http_502", "http_503", "http_504", "http_403", "http_404"];

/// What the two limits accept.
pub(crate) const TRIES: &str = "a whole number, 0 for no limit";
pub(crate) const TIMEOUT: &str = "whole seconds without a unit, 0 for no limit";

/// Reads when another endpoint is tried. What cannot be read is as if it were not there: then `default` holds.
///
/// `proxy-next-upstream` is a list of `error`, `timeout`, `non_idempotent`, `off`; only what is listed holds. Conditions on the answer
/// (`http_502` and the like) are accepted and have no effect yet, with an entry in the list of what is invalid.
#[must_use]
pub fn retry(values: &Values, default: Retry) -> (Retry, Vec<Invalid>) {
    let mut retry = default;
    let mut invalid = Vec::new();
    if let Some(text) = value(values, "proxy-next-upstream") {
        invalid.extend(conditions(text, &mut retry));
    }
    if let Some(text) = value(values, "proxy-next-upstream-tries") {
        match number(text) {
            Some(tries) => retry.tries = tries,
            None => invalid.push(Invalid::new("proxy-next-upstream-tries", TRIES, text)),
        }
    }
    if let Some(text) = value(values, "proxy-next-upstream-timeout") {
        match seconds(text) {
            Some(timeout) => retry.timeout = timeout,
            None => invalid.push(Invalid::new("proxy-next-upstream-timeout", TIMEOUT, text)),
        }
    }
    (retry, invalid)
}

/// Reads the conditions of `proxy-next-upstream`; `retry` stays as it is if they are no list of conditions.
pub(crate) fn conditions(text: &str, retry: &mut Retry) -> Option<Invalid> {
    const NAME: &str = "proxy-next-upstream";
    let (mut error, mut timeout, mut non_idempotent, mut off, mut later) =
        (false, false, false, false, false);
    for word in text.split_ascii_whitespace() {
        match word {
            "error" => error = true,
            "timeout" => timeout = true,
            "non_idempotent" => non_idempotent = true,
            "off" => off = true,
            "http_429" => later = true,
            word if LATER.contains(&word) => later = true,
            _ => {
                let expected = "a list of error, timeout, non_idempotent and off, divided by blanks";
                return Some(Invalid::new(NAME, expected, text));
            }
        }
    }
    if !(error || timeout || non_idempotent || off || later) {
        return Some(Invalid::new(NAME, "at least one condition, or \"off\"", text));
    }
    retry.on_error = error && !off;
    retry.on_timeout = timeout && !off;
    retry.non_idempotent = non_idempotent;
    later.then(|| {
        let expected = "no condition on the answer, as those have no effect yet";
        Invalid { instead: "the other conditions hold", ..Invalid::new(NAME, expected, text) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::PREFIX;
    use std::time::Duration;

    fn read(name: &str, text: &str) -> (Retry, usize) {
        let values = [(format!("{PREFIX}{name}"), text.to_owned())].into();
        let (retry, invalid) = retry(&values, Retry::default());
        (retry, invalid.len())
    }

    #[test]
    fn conditions_replace_the_default() {
        let flags = |text| {
            let (retry, invalid) = read("proxy-next-upstream", text);
            (retry.on_error, retry.on_timeout, retry.non_idempotent, invalid)
        };
        assert_eq!(flags("error timeout"), (true, true, false, 0));
        assert_eq!(flags("timeout"), (false, true, false, 0));
        assert_eq!(flags("error  timeout non_idempotent"), (true, true, true, 0));
        assert_eq!(flags("off"), (false, false, false, 0));
        assert_eq!(flags("error off"), (false, false, false, 0));
        assert_eq!(flags("error http_502"), (true, false, false, 1));
        assert_eq!(flags("http_502"), (false, false, false, 1));
        for wrong in ["", "  ", "errors", "error, timeout", "error;timeout"] {
            assert_eq!(flags(wrong), (true, true, false, 1), "{wrong}");
        }
    }

    #[test]
    fn limits_are_numbers() {
        assert_eq!(read("proxy-next-upstream-tries", "0").0.tries, 0);
        assert_eq!(read("proxy-next-upstream-tries", "7").0.tries, 7);
        assert_eq!(read("proxy-next-upstream-tries", "-7"), (Retry::default(), 1));
        assert_eq!(read("proxy-next-upstream-timeout", "0").0.timeout, Duration::ZERO);
        assert_eq!(read("proxy-next-upstream-timeout", "9").0.timeout, Duration::from_secs(9));
        assert_eq!(read("proxy-next-upstream-timeout", "9s"), (Retry::default(), 1));
    }
}
