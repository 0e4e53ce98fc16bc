//! How annotations and ConfigMap keys write their values. Nothing here knows which of them a value belongs to.

use std::time::Duration;

/// A truth value in the spellings of ingress-nginx.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A whole number from 0 to 2147483647; a sign is allowed.
pub(crate) fn number(text: &str) -> Option<u32> {
    text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok())
}

/// Whole seconds without a unit, zero included.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    number(text).map(|seconds| Duration::from_secs(seconds.into()))
}

/// Whole seconds without a unit, at least 1.
pub(crate) fn some_seconds(text: &str) -> Option<Duration> {
    seconds(text).filter(|time| !time.is_zero())
}

/// Bytes: digits, and `k`, `m` or `g` in either case; `b` changes nothing.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'b' => (text.get(..text.len() - 1)?, 1),
        b'k' => (text.get(..text.len() - 1)?, 1 << 10),
        b'm' => (text.get(..text.len() - 1)?, 1 << 20),
        b'g' => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1),
    };
    // `parse` alone would take a sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|_| plain)?.checked_mul(factor)
}

/// A time as nginx writes it: whole numbers with the units `ms s m h d w M y`, as in `1h 30m`; the last may have none and is in seconds.
pub(crate) fn time(text: &str) -> Option<Duration> {
    const DAY: u64 = 24 * 3600;
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        let number: u64 = number.parse().ok()?;
        let seconds = match unit {
            "ms" => 0,
            "s" => 1,
            "" if after.is_empty() => 1,
            "m" => 60,
            "h" => 3600,
            "d" => DAY,
            "w" => 7 * DAY,
            "M" => 30 * DAY,
            "y" => 365 * DAY,
            _ => return None,
        };
        let part = match unit {
            "ms" => Duration::from_millis(number),
            _ => Duration::from_secs(number.checked_mul(seconds)?),
        };
        total = total.checked_add(part)?;
        rest = after.trim_start();
    }
    // As much as ingress-nginx's other times may be.
    (total <= Duration::from_secs(i32::MAX.unsigned_abs().into())).then_some(total)
}

/// The entries of a list with commas.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("8b", Some(8)),
            ("8k", Some(8192)),
            ("1m", Some(1 << 20)),
            ("2G", Some(2 << 30)),
            ("", None),
            ("m", None),
            ("-1", None),
            ("+1", None),
            ("1 m", None),
            ("1mb", None),
            ("1.5m", None),
            ("8é", None),
            ("99999999999999g", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, milliseconds) in [
            ("240s", Some(240_000)),
            ("1h", Some(3_600_000)),
            ("1h 30m", Some(5_400_000)),
            ("1m30", Some(90_000)),
            ("90", Some(90_000)),
            ("500ms", Some(500)),
            ("1M", Some(30 * 86_400_000)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            ("5x", None),
            ("-5s", None),
            ("1 30m", None),
            ("99999999999999y", None),
        ] {
            assert_eq!(time(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn truth_numbers_and_lists() {
        assert_eq!(["true", "F", "yes", ""].map(boolean), [Some(true), Some(false), None, None]);
        assert_eq!(["7", "+7", "-7", "0x7", "2147483648"].map(number), [Some(7), Some(7), None, None, None]);
        assert_eq!(list(" a, ,b,").collect::<Vec<_>>(), ["a", "b"]);
    }
}
