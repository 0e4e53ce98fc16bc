//! Times, as nginx and as Go write them.

use std::time::Duration;

/// A time as nginx writes it: `240s`, `4m`, `1h30m`; a bare number is seconds.
pub(in crate::args) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "is no duration; pass one such as 240s, 4m or 1h30m".to_owned();
    let mut milliseconds: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, after) = split(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = split(after, |byte| byte.is_ascii_alphabetic());
        let unit: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "" if after.is_empty() => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let part = number.parse::<u32>().map_err(|_| wrong())?;
        milliseconds = u64::from(part)
            .checked_mul(unit)
            .and_then(|part| milliseconds.checked_add(part))
            .ok_or_else(wrong)?;
        rest = after;
    }
    Ok(Duration::from_millis(milliseconds))
}

fn split(text: &str, part: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !part(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A time as Go writes it: `30s`, `1m30s`, `1.5h`, `-1s`; zero for all below zero. A number without unit, which Go refuses, is no time.
pub(in crate::args) fn go_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "is no duration; pass one such as 30s or 1m30s".to_owned();
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |byte| byte.is_ascii_digit() || byte == b'.');
        let (unit, after) = split(after, |byte| !byte.is_ascii_digit() && byte != b'.');
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * unit;
        rest = after;
    }
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    Ok(if negative { Duration::ZERO } else { time })
}
