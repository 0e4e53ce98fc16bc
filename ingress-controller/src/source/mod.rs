//! Where objects come from. A source holds the newest state of its objects and says when there is a newer one; it neither compiles nor
//! publishes.

mod follow;
pub(crate) mod kube;
pub(crate) mod manifests;
mod problem;
mod trim;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use ingress_core::{ObjectName, Objects};

pub use problem::Problem;

/// A source of objects.
pub(crate) trait Source {
    /// Waits until there may be something new since the last time, and says how all that is new since the last [`load`](Self::load) is to be
    /// taken up. Nothing is lost if it is dropped while it waits.
    fn changed(&mut self) -> impl Future<Output = Pace>;

    /// Takes up what is new, and says what that is and what could not be read.
    fn load(&mut self) -> Loaded;

    /// All objects as of the last [`load`](Self::load). One that has not changed is the same allocation as before, and lists keep their order
    /// as far as they can.
    fn objects(&mut self) -> &mut Objects;
}

/// How long to wait for more after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The change is taken up when this long no other has followed.
    pub(crate) quiet: Duration,
    /// And after this long in any case.
    pub(crate) most: Duration,
}

impl Pace {
    /// The longer of both, in each part.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { quiet: self.quiet.max(other.quiet), most: self.most.max(other.most) }
    }
}

/// What is new at a source.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// What of them is new.
    pub(crate) touched: Touched,
    /// What could not be read, in a fixed order.
    pub(crate) problems: Vec<Problem>,
}

/// What differs from the load before.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// No object.
    Nothing,
    /// Only EndpointSlices, of these Services.
    Endpoints(BTreeSet<ObjectName>),
    /// Anything.
    #[default]
    All,
}

impl Touched {
    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Endpoints(mut services), Self::Endpoints(more)) => {
                services.extend(more);
                Self::Endpoints(services)
            }
        }
    }
}
