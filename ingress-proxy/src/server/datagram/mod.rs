//! UDP services: datagrams that go to an endpoint as they are, and its answers.
//!
//! What a client sends to a port is a session: it has an endpoint, and a socket of its own towards it. A session ends when the answers
//! that are expected have come, when nothing has come or gone for too long, or when it has to give way to others. Datagrams may get lost,
//! as anywhere: what a socket does not take at once is dropped.

mod listen;
mod session;
mod table;

pub(super) use listen::listen;
pub(super) use table::Sessions;
