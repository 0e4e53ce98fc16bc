//! What the values of flags may be. Each error says what is wrong with the value and what to pass instead.

mod time;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ingress_core::ObjectName;

use crate::config::Address;
pub(super) use time::{duration, go_duration};

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

pub(super) fn optional_service(text: &str) -> Result<Option<ObjectName>, String> {
    optional_object(text, "Service", "default/web")
}

pub(super) fn optional_config_map(text: &str) -> Result<Option<ObjectName>, String> {
    optional_object(text, "ConfigMap", "ingress-nginx/settings")
}

pub(super) fn optional_secret(text: &str) -> Result<Option<ObjectName>, String> {
    optional_object(text, "Secret", "default/certificate")
}

fn optional_object(text: &str, kind: &str, example: &str) -> Result<Option<ObjectName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.split_once('/') {
        Some((namespace, name)) if is_dns_name(namespace) && is_dns_name(name) => {
            Ok(Some(ObjectName { namespace: namespace.into(), name: name.into() }))
        }
        _ => Err(format!("does not name a {kind}; pass its namespace and name, such as {example}")),
    }
}

/// Close to what Kubernetes takes for names and hosts: the rest it says itself.
fn is_dns_name(text: &str) -> bool {
    let valid = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(valid)
}

pub(super) fn optional_path(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| text.into()))
}

pub(super) fn optional_url(text: &str) -> Result<Option<String>, String> {
    let url = |text: &str| {
        text.parse::<http::Uri>().is_ok_and(|url| url.scheme().is_some() && url.host().is_some())
    };
    match text {
        "" => Ok(None),
        _ if url(text) => Ok(Some(text.into())),
        _ => Err("is no address of an API server; pass one such as http://127.0.0.1:8001".into()),
    }
}

/// As Go writes an address to listen on: `:8443`, `10.0.0.1:8443`, `[::1]:8443`.
pub(super) fn listen(text: &str) -> Result<Option<(Option<IpAddr>, u16)>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let parse = || {
        let (host, port) = text.rsplit_once(':')?;
        let host = if host.is_empty() { None } else { Some(address(host).ok()?) };
        Some((host, port.parse().ok()?))
    };
    parse()
        .map(Some)
        .ok_or_else(|| "is no address to listen on; pass one such as :8443 or 10.0.0.1:8443".into())
}

/// Addresses as a status shows them: an IP address, or else a host name.
pub(super) fn addresses(text: &str) -> Result<Vec<Address>, String> {
    let parse = |text: &str| match text.parse() {
        Ok(ip) => Ok(Address::Ip(ip)),
        Err(_) if is_dns_name(text) => Ok(Address::Hostname(text.into())),
        Err(_) => {
            Err("is no list of IP addresses and host names; pass one such as 203.0.113.7,lb.example.com"
                .into())
        }
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(parse).collect()
}

pub(super) fn annotations_prefix(text: &str) -> Result<String, String> {
    match text {
        "nginx.ingress.kubernetes.io" => Ok(text.into()),
        _ => Err("is not understood by this version, which reads only nginx.ingress.kubernetes.io; leave the flag out".into()),
    }
}

/// Upper ends of the buckets of a histogram: above zero, each greater than the one before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Buckets(pub Vec<f64>);

pub(super) fn buckets(text: &str) -> Result<Buckets, String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|number| number.trim().parse::<f64>()).collect();
    let rising = |numbers: &[f64]| {
        let pairs = std::iter::once(&0.0).chain(numbers).zip(numbers);
        numbers.iter().all(|number| number.is_finite()) && pairs.into_iter().all(|(low, high)| low < high)
    };
    match numbers {
        Ok(numbers) if rising(&numbers) => Ok(Buckets(numbers)),
        _ => Err("is no list of rising numbers above zero; pass one such as 0.1,1,10".into()),
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
