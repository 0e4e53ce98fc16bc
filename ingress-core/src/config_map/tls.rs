//! `ssl-*`: what holds for every handshake. Never less than what is safe: what is weaker cannot be asked for.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::reader::Reader;
use crate::annotation::{Invalid, cipher_list};
use crate::tls::{SessionSettings, TicketKey, TlsSettings, Version};
use crate::value::{size, time};

/// Reads the keys.
pub(super) fn tls(reader: &mut Reader<'_>) -> TlsSettings {
    let mut settings = TlsSettings::default();
    if let Some(versions) = versions(reader) {
        settings.versions = versions;
    }
    const CIPHERS: &str = "ssl-ciphers";
    if let Some(text) = reader.text(CIPHERS) {
        let (suites, invalid) = cipher_list(CIPHERS, text);
        invalid.into_iter().for_each(|invalid| reader.invalid(invalid));
        if !suites.is_empty() {
            settings.ciphers = suites;
        }
    }
    reader.boolean("ssl-prefer-server-ciphers", &mut settings.prefer_server_ciphers);
    reader.boolean("ssl-reject-handshake", &mut settings.reject_handshake);
    settings.sessions = sessions(reader);
    settings
}

/// The versions in ascending order; `None` if the default holds.
fn versions(reader: &mut Reader<'_>) -> Option<Vec<Version>> {
    const NAME: &str = "ssl-protocols";
    const EXPECTED: &str = "TLSv1.2 or TLSv1.3, as older versions are not safe";
    let text = reader.text(NAME)?;
    let mut versions = Vec::new();
    for word in text.split_whitespace() {
        match Version::parse(word) {
            Some(version) => versions.push(version),
            None => {
                let instead = "this version is left out";
                reader.invalid(Invalid { instead, ..Invalid::new(NAME, EXPECTED, word) });
            }
        }
    }
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() {
        let instead = "nothing is left of it, so TLSv1.2 and TLSv1.3 hold";
        reader.invalid(Invalid { instead, ..Invalid::new(NAME, EXPECTED, text) });
        return None;
    }
    Some(versions)
}

fn sessions(reader: &mut Reader<'_>) -> SessionSettings {
    let mut sessions = SessionSettings::default();
    reader.boolean("ssl-session-cache", &mut sessions.cache);
    let bytes = |text: &str| size(text).filter(|bytes| *bytes != 0);
    let expected = "bytes, with k, m or g behind the number if wanted, such as \"10m\"";
    reader.value("ssl-session-cache-size", expected, bytes, &mut sessions.cache_size);
    let some_time = |text: &str| time(text).filter(|time| *time != Duration::ZERO);
    let field = &mut sessions.timeout;
    reader.value("ssl-session-timeout", "a time such as \"10m\" or \"1h\"", some_time, field);
    reader.boolean("ssl-session-tickets", &mut sessions.tickets);
    const KEY: &str = "ssl-session-ticket-key";
    if let Some(text) = reader.text(KEY) {
        sessions.ticket_key = ticket_key(text);
        if sessions.ticket_key.is_none() {
            // The value is a secret.
            let shown = format!("{} characters that are not shown", text.chars().count());
            let instead = "a key that nobody knows is used";
            let invalid = Invalid::new(KEY, "48 or 80 bytes in base64", &shown);
            reader.invalid(Invalid { instead, ..invalid });
        }
    }
    sessions
}

fn ticket_key(text: &str) -> Option<TicketKey> {
    // Wiped, should it have the wrong length.
    let mut bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    TicketKey::new(std::mem::take(&mut *bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config_map::{Defect, read};
    use crate::tls::CipherSuite;

    fn settings(pairs: &[(&str, &str)]) -> (TlsSettings, Vec<Defect>) {
        let data = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (global, defects) = read(&data);
        (global.settings.tls.clone(), defects)
    }

    #[test]
    fn values_are_read() {
        let key = STANDARD.encode([7; 80]);
        let (tls, defects) = settings(&[
            ("ssl-protocols", "TLSv1.3"),
            ("ssl-ciphers", "ECDHE-RSA-AES256-GCM-SHA384,ECDHE-ECDSA-AES256-GCM-SHA384"),
            ("ssl-prefer-server-ciphers", "false"),
            ("ssl-reject-handshake", "true"),
            ("ssl-session-cache", "false"),
            ("ssl-session-cache-size", "1m"),
            ("ssl-session-timeout", "1h"),
            ("ssl-session-tickets", "true"),
            ("ssl-session-ticket-key", &key),
            ("enable-ocsp", "true"),
            ("ssl-ecdh-curve", "secp384r1"),
        ]);
        assert_eq!(defects, []);
        assert_eq!(tls.versions, [Version::Tls13]);
        assert_eq!(tls.ciphers, [CipherSuite::RsaAes256Gcm, CipherSuite::EcdsaAes256Gcm]);
        assert!(!tls.prefer_server_ciphers && tls.reject_handshake);
        let sessions = tls.sessions;
        assert_eq!((sessions.cache, sessions.cache_size, sessions.tickets), (false, 1 << 20, true));
        assert_eq!(sessions.timeout, Duration::from_secs(3600));
        assert_eq!(sessions.ticket_key.unwrap().secret(), [7; 80]);
    }

    #[test]
    fn nothing_weak_can_be_asked_for() {
        let (tls, defects) =
            settings(&[("ssl-protocols", "TLSv1 TLSv1.1"), ("ssl-ciphers", "HIGH:!aNULL:RC4")]);
        assert_eq!(tls, TlsSettings::default());
        assert_eq!(defects.len(), 7, "{defects:#?}");
        let (tls, defects) = settings(&[("ssl-protocols", "SSLv3 TLSv1.2")]);
        assert_eq!((tls.versions, defects.len()), (vec![Version::Tls12], 1));
        assert_eq!(settings(&[("ssl-early-data", "true")]).1, [Defect::Unsafe("ssl-early-data")]);
        assert_eq!(settings(&[("ssl-early-data", "false")]).1, []);
    }

    #[test]
    fn a_key_of_tickets_is_never_shown() {
        for key in [STANDARD.encode([7; 47]), "c2VjcmV0 no base64".to_owned()] {
            let (tls, defects) = settings(&[("ssl-session-ticket-key", &key)]);
            assert_eq!((tls.sessions.ticket_key, defects.len()), (None, 1));
            let text = format!("{defects:?}");
            assert!(!text.contains(&key) && !text.contains("c2Vj") && !text.contains("Bwc"), "{text}");
        }
    }
}
