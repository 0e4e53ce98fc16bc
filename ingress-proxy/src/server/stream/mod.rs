//! TCP services: connections that go to an endpoint as they are.
//!
//! Nothing here knows what is spoken over them.

mod connect;
mod forward;
mod listen;
mod proxy_header;
mod record;
mod relay;

pub(super) use connect::Until;
pub(crate) use forward::{Forward, forward};
pub(super) use listen::listen;
pub(super) use record::{Record, Traffic};
