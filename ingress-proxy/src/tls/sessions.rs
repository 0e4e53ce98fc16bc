//! Sessions that we keep so that clients can resume them (`ssl-session-cache`), on whichever worker they come back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use rustls::server::StoresServerSessions;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// What a session takes beside its bytes, roughly.
const OVERHEAD: usize = 128;

/// The sessions of all policies, within one bound on their bytes.
///
/// They are held in two generations: when the young one holds half of what may be held, or is as old as a session may get, it becomes the
/// old one, and what was old is forgotten. So no session is looked at in order to be forgotten.
pub(super) struct SessionCache {
    size: usize,
    timeout: Duration,
    generations: Mutex<Generations>,
}

struct Generations {
    young: Generation,
    old: Generation,
}

struct Generation {
    since: Instant,
    bytes: usize,
    sessions: HashMap<Vec<u8>, Session, foldhash::fast::RandomState>,
}

struct Session {
    since: Instant,
    value: Zeroizing<Vec<u8>>,
}

/// The sessions of one policy. No other policy finds them.
#[derive(Debug)]
pub(super) struct Sessions {
    cache: Arc<SessionCache>,
    policy: [u8; 8],
}

impl SessionCache {
    /// A cache of so many bytes, for sessions that can be resumed for so long.
    pub(super) fn new(size: u64, timeout: Duration) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let generations = Generations { young: Generation::new(), old: Generation::new() };
        Self { size, timeout, generations: Mutex::new(generations) }
    }

    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let cost = cost(&key, &value);
        if cost > self.size / 2 {
            return false;
        }
        let mut generations = self.lock();
        let young = &generations.young;
        if young.bytes + cost > self.size / 2 || young.since.elapsed() > self.timeout {
            generations.old = std::mem::replace(&mut generations.young, Generation::new());
        }
        let session = Session { since: Instant::now(), value: Zeroizing::new(value) };
        generations.young.insert(key, session);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let generations = self.lock();
        let held = generations.young.sessions.get(key).or_else(|| generations.old.sessions.get(key))?;
        (held.since.elapsed() <= self.timeout).then(|| held.value.to_vec())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut generations = self.lock();
        let held = generations.young.remove(key).or_else(|| generations.old.remove(key))?;
        (held.since.elapsed() <= self.timeout).then(|| held.value.to_vec())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generation {
    fn new() -> Self {
        Self { since: Instant::now(), bytes: 0, sessions: HashMap::default() }
    }

    fn insert(&mut self, key: Vec<u8>, session: Session) {
        self.bytes += cost(&key, &session.value);
        let length = key.len();
        if let Some(before) = self.sessions.insert(key, session) {
            self.bytes -= length + before.value.len() + OVERHEAD;
        }
    }

    fn remove(&mut self, key: &[u8]) -> Option<Session> {
        let session = self.sessions.remove(key)?;
        self.bytes -= cost(key, &session.value);
        Some(session)
    }
}

fn cost(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + OVERHEAD
}

impl Sessions {
    /// The part of a cache that belongs to the policy of this number.
    pub(super) fn new(cache: Arc<SessionCache>, policy: u64) -> Self {
        Self { cache, policy: policy.to_be_bytes() }
    }

    fn key(&self, id: &[u8]) -> Vec<u8> {
        [&self.policy, id].concat()
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.cache.put(self.key(&key), value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.cache.get(&self.key(key))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.cache.take(&self.key(key))
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Nothing of a session is ever shown.
impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(600);

    fn sessions(size: u64) -> Sessions {
        Sessions::new(Arc::new(SessionCache::new(size, TIMEOUT)), 1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_found_until_its_time_is_up() {
        let sessions = sessions(1 << 20);
        for key in [b"a", b"b"] {
            assert!(sessions.put(key.to_vec(), b"secret".to_vec()));
        }
        tokio::time::advance(TIMEOUT).await;
        assert_eq!(sessions.get(b"a").as_deref(), Some(&b"secret"[..]));
        assert_eq!(sessions.take(b"b").as_deref(), Some(&b"secret"[..]));
        assert_eq!(sessions.take(b"b"), None, "what was taken is gone");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((sessions.get(b"a"), sessions.take(b"a")), (None, None));
    }

    #[test]
    fn one_policy_does_not_find_the_sessions_of_another() {
        let one = sessions(1 << 20);
        let other = Sessions::new(one.cache.clone(), 2);
        one.put(b"a".to_vec(), b"secret".to_vec());
        assert_eq!((other.get(b"a"), other.take(b"a")), (None, None));
        assert!(one.get(b"a").is_some());
    }

    #[test]
    fn no_more_bytes_are_held_than_allowed_and_the_oldest_go_first() {
        let size = 100 * (OVERHEAD + 8 + 4 + 10);
        let sessions = sessions(size as u64);
        for number in 0..1000_u32 {
            sessions.put(number.to_be_bytes().to_vec(), vec![0; 10]);
            let generations = sessions.cache.lock();
            assert!(generations.young.bytes + generations.old.bytes <= size);
        }
        assert!(
            sessions.get(&999_u32.to_be_bytes()).is_some() && sessions.get(&960_u32.to_be_bytes()).is_some()
        );
        assert!(sessions.get(&899_u32.to_be_bytes()).is_none());
        assert!(!sessions.put(b"large".to_vec(), vec![0; size]));
    }

    #[test]
    fn the_count_of_bytes_follows_what_is_held() {
        let sessions = sessions(1 << 20);
        sessions.put(b"a".to_vec(), vec![0; 10]);
        sessions.put(b"a".to_vec(), vec![0; 20]);
        assert_eq!(sessions.cache.lock().young.bytes, cost(&[0; 9], &[0; 20]));
        sessions.take(b"a");
        assert_eq!(sessions.cache.lock().young.bytes, 0);
    }
}
