//! Which worker serves a connection.
//!
//! With `SO_REUSEPORT` the system gives a connection to a listener by a hash of its addresses. Of many short connections each worker gets
//! its share, but of a few long ones (HTTP/2) one worker may get all. (nginx leaves it at that; envoy, if told to, looks for the least
//! loaded worker at each connection, under a lock.) So a worker that has accepted a connection gives it away if another has clearly fewer.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::opening::Scheme;
use super::state::{Open, WorkerState};

/// A worker gives connections away when it has more than another by this part of its own.
const TOLERANCE: usize = 8;

/// A connection on its way to another worker.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) io: TcpStream,
    /// Counts it there already.
    pub(super) open: Open,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) scheme: Scheme,
}

/// Where a worker gets connections that others have accepted.
pub(super) type Inbox = UnboundedReceiver<Handed>;

/// All workers, as each of them sees them.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    all: Arc<[Doorway]>,
}

#[derive(Debug)]
pub(super) struct Doorway {
    state: Arc<WorkerState>,
    inbox: UnboundedSender<Handed>,
}

impl Workers {
    /// So many workers, and their inboxes.
    pub(super) fn new(count: usize) -> (Self, Vec<(Arc<WorkerState>, Inbox)>) {
        let doorways = (0..count).map(|_| {
            let (sender, inbox) = unbounded_channel();
            let state = Arc::new(WorkerState::default());
            (Doorway { state: state.clone(), inbox: sender }, (state, inbox))
        });
        let (all, workers): (Vec<_>, _) = doorways.unzip();
        (Self { all: all.into() }, workers)
    }

    /// Who should serve the next connection in the place of the one that has accepted it; `None` if it should do so itself.
    pub(super) fn relief(&self, of: &WorkerState) -> Option<&Doorway> {
        let own = of.connections();
        if own == 0 || self.all.len() == 1 {
            return None;
        }
        let least = self.all.iter().min_by_key(|worker| worker.state.connections())?;
        (own > least.state.connections() + own / TOLERANCE).then_some(least)
    }
}

impl Doorway {
    pub(super) fn state(&self) -> &Arc<WorkerState> {
        &self.state
    }

    /// Hands a connection over; gives it back if the worker takes no more, because it drains.
    pub(super) fn hand(&self, connection: Handed) -> Result<(), Handed> {
        self.inbox.send(connection).map_err(|refused| refused.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What four workers hold in the end, if the system gives connections to them like this.
    fn spread(connections: impl Iterator<Item = usize>) -> Vec<usize> {
        let (workers, states) = Workers::new(4);
        let open: Vec<_> = connections
            .map(|by| {
                let accepted = &states[by].0;
                let served = workers.relief(accepted).map_or(accepted, Doorway::state);
                Open::new(served.clone())
            })
            .collect();
        let spread = states.iter().map(|(state, _)| state.connections()).collect();
        drop(open);
        spread
    }

    #[test]
    fn a_few_are_spread_evenly() {
        assert_eq!(spread([0; 4].into_iter()), [1; 4]);
        assert_eq!(spread([0, 1, 1, 0, 3, 3, 3, 3].into_iter()), [2; 4]);
    }

    #[test]
    fn many_are_spread_nearly_evenly_even_if_one_worker_accepts_all() {
        let spread = spread([2; 1000].into_iter());
        assert!(spread.iter().all(|count| (220..=285).contains(count)), "{spread:?}");
    }

    #[test]
    fn what_is_spread_well_stays_where_it_is() {
        let (workers, states) = Workers::new(2);
        let open = |count: usize, state: &Arc<WorkerState>| -> Vec<_> {
            (0..count).map(|_| Open::new(state.clone())).collect()
        };
        let (_one, _two) = (open(35, &states[0].0), open(31, &states[1].0));
        assert!(workers.relief(&states[0].0).is_none());
        assert!(workers.relief(&states[1].0).is_none());
    }
}
