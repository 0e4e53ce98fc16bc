//! What holds for the handshakes of a host beside client certificates: `ssl-ciphers`, `ssl-prefer-server-ciphers`, `ssl-passthrough`.

use super::{Invalid, Values, value};
use crate::tls::CipherSuite;
use crate::value::boolean;

const CIPHERS: &str = "ssl-ciphers";
const PREFER: &str = "ssl-prefer-server-ciphers";
const PASSTHROUGH: &str = "ssl-passthrough";
const SEND_PROXY: &str = "ssl-passthrough-proxy-protocol";

/// So many entries of a list are named if they cannot be used.
const NAMED: usize = 20;

/// Reads the ciphers of a host; `None` if those of the settings hold.
#[must_use]
pub fn ciphers(values: &Values) -> (Option<Vec<CipherSuite>>, Vec<Invalid>) {
    match value(values, CIPHERS).map(str::trim).filter(|text| !text.is_empty()) {
        None => (None, Vec::new()),
        Some(text) => {
            let (suites, invalid) = cipher_list(CIPHERS, text);
            ((!suites.is_empty()).then_some(suites), invalid)
        }
    }
}

/// Reads a list of ciphers as OpenSSL writes it: names with `:`, commas or blanks between them, `!` or `-` before one that is not wanted.
/// Words for sets of ciphers, and ciphers that are not spoken, are left out and noted. An empty answer means that the default holds, and is
/// noted too.
pub(crate) fn cipher_list(name: &'static str, text: &str) -> (Vec<CipherSuite>, Vec<Invalid>) {
    let (mut suites, mut removed, mut unusable): (Vec<_>, Vec<_>, Vec<_>) = Default::default();
    for entry in text.split([':', ',', ' ', '\n', '\t', '\r']).filter(|entry| !entry.is_empty()) {
        match CipherSuite::parse(entry.trim_start_matches(['!', '-', '+'])) {
            Some(suite) if entry.starts_with(['!', '-']) => removed.push(suite),
            Some(suite) if !suites.contains(&suite) => suites.push(suite),
            Some(_) => {}
            // The ciphers of TLS 1.3 are offered anyway.
            None if entry.starts_with("TLS_") => {}
            None => unusable.push(entry),
        }
    }
    suites.retain(|suite| !removed.contains(suite));
    let expected =
        "names such as ECDHE-RSA-AES128-GCM-SHA256, of ciphers with forward secrecy and authentication";
    let invalid = |text: &&str, instead| Invalid { instead, ..Invalid::new(name, expected, text) };
    let mut defects: Vec<_> =
        unusable.iter().take(NAMED).map(|entry| invalid(entry, "this entry is left out")).collect();
    if suites.is_empty() {
        defects.push(invalid(&text, "nothing is left of it, so the default holds"));
    }
    (suites, defects)
}

/// Reads whose order of ciphers counts on a host; `None` if what the settings say holds.
#[must_use]
pub fn prefer_server_ciphers(values: &Values) -> (Option<bool>, Vec<Invalid>) {
    truth(values, PREFER)
}

/// Reads whether connections of a host are passed on unopened, and whether endpoints are told the client's address.
#[must_use]
pub fn passthrough(values: &Values) -> (Option<bool>, bool, Vec<Invalid>) {
    let (passthrough, mut invalid) = truth(values, PASSTHROUGH);
    let (send_proxy, more) = truth(values, SEND_PROXY);
    invalid.extend(more);
    (passthrough, send_proxy == Some(true), invalid)
}

fn truth(values: &Values, name: &'static str) -> (Option<bool>, Vec<Invalid>) {
    let Some(text) = value(values, name).map(str::trim).filter(|text| !text.is_empty()) else {
        return (None, Vec::new());
    };
    match boolean(text) {
        Some(value) => (Some(value), Vec::new()),
        None => (None, vec![Invalid::new(name, "true or false", text)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<&'static str>, Vec<String>) {
        let (suites, invalid) = cipher_list(CIPHERS, text);
        (
            suites.into_iter().map(CipherSuite::name).collect(),
            invalid.into_iter().map(|invalid| invalid.value).collect(),
        )
    }

    #[test]
    fn ciphers_are_taken_in_their_order_and_the_others_named() {
        let all: Vec<_> = CipherSuite::DEFAULT.iter().map(|suite| suite.name()).collect();
        assert_eq!(read(&all.join(":")), (all.clone(), vec![]));
        let text = "ECDHE-RSA-CHACHA20-POLY1305:HIGH:!aNULL, ECDHE-RSA-AES128-GCM-SHA256 TLS_AES_128_GCM_SHA256:@SECLEVEL=1";
        let (suites, unusable) = read(text);
        assert_eq!(suites, ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(unusable, ["HIGH", "!aNULL", "@SECLEVEL=1"]);
        let removed = format!("{}:!ECDHE-RSA-AES128-GCM-SHA256", all.join(":"));
        assert_eq!(read(&removed).0.len(), 5);
    }

    #[test]
    fn of_nothing_the_default_is_left() {
        let (suites, invalid) = cipher_list(CIPHERS, "HIGH:DHE-RSA-AES256-GCM-SHA384");
        assert_eq!((suites.len(), invalid.len()), (0, 3));
        assert!(invalid.iter().any(|invalid| invalid.to_string().contains("the default holds")));
        assert_eq!(cipher_list(CIPHERS, &"x:".repeat(10_000)).1.len(), NAMED + 1);
    }
}
