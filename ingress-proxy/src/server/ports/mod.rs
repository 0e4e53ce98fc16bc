//! Ports that come and go with snapshots: those of TCP and UDP services, and those of HTTP/3.
//!
//! Each worker follows the snapshot on its own, and has a socket of its own on each port. A port that is wanted no more is closed at once;
//! TCP connections that came in by it go on until they end. A change of one port touches no other.

mod follow;
mod registry;

pub(super) use follow::{Context, Follower};
pub use registry::StreamPort;
pub(super) use registry::{Port, Ports};
