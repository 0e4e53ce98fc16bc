//! What the values of flags may be. Each error says what is wrong with the value and what to pass instead.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use ingress_core::ObjectName;

/// How many workers serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Workers {
    /// One for each core.
    Auto,
    /// So many.
    Number(NonZeroUsize),
}

const MOST_WORKERS: usize = 1024;

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "is no port; pass a number from 0 to 65535".into())
}

/// As Go reads a boolean.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("is neither true nor false; pass one of them".into()),
    }
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "is no IP address; pass one without a port, such as 127.0.0.1 or ::1".into())
}

pub(super) fn optional_address(text: &str) -> Result<Option<IpAddr>, String> {
    if text.is_empty() { Ok(None) } else { address(text).map(Some) }
}

pub(super) fn optional_object(text: &str) -> Result<Option<ObjectName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let valid = |part: &str| {
        !part.is_empty()
            && part.len() <= 253
            && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
    };
    match text.split_once('/') {
        Some((namespace, name)) if valid(namespace) && valid(name) => {
            Ok(Some(ObjectName { namespace: namespace.into(), name: name.into() }))
        }
        _ => Err("does not name a Service; pass its namespace and name, such as default/web".into()),
    }
}

pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is no name; pass one, or leave the flag out".into()) } else { Ok(text.into()) }
}

pub(super) fn path(text: &str) -> Result<String, String> {
    let valid = text.starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#');
    if valid {
        Ok(text.into())
    } else {
        Err("is no path; pass one that begins with /, such as /healthz".into())
    }
}

pub(super) fn workers(text: &str) -> Result<Workers, String> {
    if text == "auto" {
        return Ok(Workers::Auto);
    }
    match text.parse::<NonZeroUsize>() {
        Ok(number) if number.get() <= MOST_WORKERS => Ok(Workers::Number(number)),
        _ => Err(format!("is no number of workers; pass auto or a number from 1 to {MOST_WORKERS}")),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: u32 =
        text.parse().map_err(|_| "is no number of seconds; pass a whole number, such as 10")?;
    Ok(Duration::from_secs(seconds.into()))
}

/// A time as nginx writes it: `240s`, `4m`, `1h30m`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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

/// A number, or the letters of `-vv`, of which clap has taken the first away.
pub(super) fn verbosity(text: &str) -> Result<u8, String> {
    if text.bytes().all(|byte| byte == b'v') {
        return Ok(5);
    }
    text.parse().map_err(|_| "is no level; pass a number from 0 to 255".into())
}

pub(super) fn program(text: &str) -> Result<String, String> {
    if text.ends_with("ingress-controller") {
        Ok(text.into())
    } else {
        Err("is no flag; flags begin with --, and a folder is passed as --manifests=PATH".into())
    }
}
