//! Sessions that clients keep, encrypted by us (`ssl-session-tickets`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use ingress_core::tls::TicketKey;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use rustls_pki_types::UnixTime;
use zeroize::Zeroizing;

/// What a ticket begins with: which key it is under.
const NAME_LEN: usize = 16;
/// The time at which a ticket was made, in front of what it holds.
const TIME_LEN: usize = 8;

/// Tickets that are good for `timeout`, under a key that only those have who have `key` and the same `policy`; without a key, under one that
/// this process makes and changes by itself. Nobody can resume under one policy what began under another.
///
/// # Errors
/// What the cryptography says; there is no randomness then.
pub(super) fn tickets(
    key: Option<&TicketKey>,
    policy: &[u8],
    timeout: Duration,
) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    let unusable = |_| rustls::Error::General("no ticket key could be derived".into());
    let inner = match key {
        Some(key) => Arc::new(SharedKey::derive(key.secret(), policy).map_err(unusable)?),
        None => Ticketer::new()?,
    };
    Ok(Arc::new(Timed { inner, timeout }))
}

/// Tickets that several replicas understand. The key does not change by itself: whoever shares it changes it. It may so come to many
/// tickets, which is why the cipher is one that stands a nonce that comes twice.
struct SharedKey {
    name: [u8; NAME_LEN],
    key: RandomizedNonceKey,
}

/// How much key material is asked for.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl SharedKey {
    /// nginx's key has parts for other algorithms; so all of it goes into a key derivation, together with the policy.
    fn derive(secret: &[u8], policy: &[u8]) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let secret = Salt::new(HKDF_SHA256, b"ingress session tickets 1").extract(secret);
        let mut name = [0; NAME_LEN];
        secret.expand(&[b"name", policy], Length(NAME_LEN))?.fill(&mut name)?;
        let mut key = Zeroizing::new([0; 32]);
        secret.expand(&[b"key ", policy], Length(key.len()))?.fill(&mut *key)?;
        Ok(Self { name, key: RandomizedNonceKey::new(&AES_256_GCM_SIV, &*key)? })
    }
}

impl ProducesTickets for SharedKey {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::MAX
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(self.name), &mut sealed).ok()?;
        Some([&self.name, nonce.as_ref().as_slice(), &sealed].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let sealed = cipher.strip_prefix(&self.name)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(self.name), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey")
    }
}

/// Tickets that say when they were made, and are not taken later than `timeout` after that (`ssl-session-timeout`).
#[derive(Debug)]
struct Timed {
    inner: Arc<dyn ProducesTickets>,
    timeout: Duration,
}

impl ProducesTickets for Timed {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX).min(self.inner.lifetime())
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let timed = Zeroizing::new([&now().to_be_bytes(), plain].concat());
        self.inner.encrypt(&timed)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let timed = Zeroizing::new(self.inner.decrypt(cipher)?);
        let (made, plain) = timed.split_first_chunk::<TIME_LEN>()?;
        let age = now().saturating_sub(u64::from_be_bytes(*made));
        (age <= self.timeout.as_secs()).then(|| plain.to_vec())
    }
}

/// Seconds since 1970: replicas have no other clock in common.
fn now() -> u64 {
    UnixTime::now().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(600);

    fn shared(byte: u8, policy: &[u8]) -> Arc<dyn ProducesTickets> {
        tickets(Some(&TicketKey::new(vec![byte; 80]).unwrap()), policy, TIMEOUT).unwrap()
    }

    #[test]
    fn whoever_has_the_key_and_the_policy_reads_a_ticket_and_nobody_else() {
        let ticket = shared(1, b"policy").encrypt(b"session").unwrap();
        assert_eq!(shared(1, b"policy").decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(shared(2, b"policy").decrypt(&ticket), None);
        assert_eq!(shared(1, b"other policy").decrypt(&ticket), None);
        assert_ne!(shared(1, b"policy").encrypt(b"session").unwrap(), ticket, "the nonce is random");
    }

    #[test]
    fn a_ticket_that_was_touched_is_not_read() {
        let tickets = shared(1, b"");
        let ticket = tickets.encrypt(b"session").unwrap();
        for place in 0..ticket.len() {
            let mut touched = ticket.clone();
            touched[place] ^= 1;
            assert_eq!(tickets.decrypt(&touched), None, "byte {place}");
            assert_eq!(tickets.decrypt(&ticket[..place]), None, "the first {place} bytes");
        }
    }

    #[test]
    fn an_old_ticket_is_not_read() {
        let inner = || Arc::new(SharedKey::derive(&[1; 48], b"").unwrap());
        let tickets = Timed { inner: inner(), timeout: TIMEOUT };
        for (age, good) in [(599, true), (602, false)] {
            let timed = [&(now() - age).to_be_bytes(), &b"session"[..]].concat();
            let ticket = inner().encrypt(&timed).unwrap();
            assert_eq!(tickets.decrypt(&ticket).is_some(), good, "{age} s");
        }
        assert_eq!(tickets.lifetime(), 600);
    }

    #[test]
    fn without_a_key_we_make_one() {
        let (one, other) = (tickets(None, b"", TIMEOUT).unwrap(), tickets(None, b"", TIMEOUT).unwrap());
        let ticket = one.encrypt(b"session").unwrap();
        assert_eq!(one.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(other.decrypt(&ticket), None);
    }
}
