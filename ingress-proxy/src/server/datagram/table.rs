//! The sessions of one worker.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use hashbrown::HashMap;
use tokio::time::Instant;

use super::session::Session;

/// How many sessions a worker holds at most. Each has a descriptor.
const MOST: usize = 16_384;

/// What names a session: the address of the listener, and that of the client.
pub(super) type Id = (SocketAddr, SocketAddr);

/// The sessions of one worker, in limited number: when there are too many, the one that has been of no use for longest ends.
#[derive(Debug)]
pub(in crate::server) struct Sessions {
    limit: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_id: HashMap<Id, Arc<Session>, foldhash::fast::RandomState>,
    /// Every session, in the order in which they were looked at, with when it had last been of use then. Some may have ended.
    order: VecDeque<(Id, Weak<Session>, Instant)>,
}

impl Sessions {
    /// For a worker that may hold so many connections: at most as many as half of them.
    pub(in crate::server) fn new(connections: usize) -> Self {
        Self { limit: MOST.min(connections / 2).max(1), table: Mutex::default() }
    }

    pub(super) fn get(&self, id: &Id) -> Option<Arc<Session>> {
        self.lock().by_id.get(id).cloned()
    }

    /// Adds a session, in the place of the one that has its name. Another may have to give way.
    pub(super) fn insert(&self, id: Id, session: &Arc<Session>) {
        let mut table = self.lock();
        let replaced = table.by_id.insert(id, session.clone());
        table.order.push_back((id, Arc::downgrade(session), session.used()));
        let gone = if table.by_id.len() > self.limit { table.oldest() } else { None };
        if table.order.len() > 2 * table.by_id.len() + 64 {
            table.order.retain(|(_, session, _)| session.strong_count() > 0);
        }
        drop(table);
        replaced.iter().chain(&gone).for_each(|session| session.end());
    }

    /// Removes a session that has ended.
    pub(super) fn remove(&self, id: &Id, session: &Arc<Session>) {
        let mut table = self.lock();
        if table.by_id.get(id).is_some_and(|held| Arc::ptr_eq(held, session)) {
            table.by_id.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Takes out the session that has been of no use for longest. One that was of use since it was looked at last goes to the end.
    fn oldest(&mut self) -> Option<Arc<Session>> {
        loop {
            let (id, session, used_then) = self.order.pop_front()?;
            let Some(session) = session.upgrade() else { continue };
            if !self.by_id.get(&id).is_some_and(|held| Arc::ptr_eq(held, &session)) {
                continue;
            }
            let used = session.used();
            if used == used_then {
                return self.by_id.remove(&id);
            }
            self.order.push_back((id, Arc::downgrade(&session), used));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::session::tests::session;
    use super::*;

    fn id(port: u16) -> Id {
        (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into())
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_of_no_use_for_longest_gives_way() {
        let sessions = Sessions::new(4);
        let second = Duration::from_secs(1);
        let (first, other, third) = (session().await, session().await, session().await);
        sessions.insert(id(1), &first);
        tokio::time::advance(second).await;
        sessions.insert(id(2), &other);
        tokio::time::advance(second).await;
        // What a client sends is of no use before it was answered.
        other.note_sent(1);
        first.note_answer(1);
        sessions.insert(id(3), &third);
        assert!(sessions.get(&id(2)).is_none());
        assert!(sessions.get(&id(1)).is_some() && sessions.get(&id(3)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_end_leave_nothing() {
        let sessions = Sessions::new(100);
        for port in 1..1000 {
            let session = session().await;
            sessions.insert(id(port), &session);
            sessions.remove(&id(port), &session);
        }
        let table = sessions.lock();
        assert!(table.by_id.is_empty() && table.order.len() < 100, "{}", table.order.len());
    }
}
