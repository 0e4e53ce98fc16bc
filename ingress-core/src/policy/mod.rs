//! What holds for the requests of a route. Data only; the layers of `ingress-proxy` enforce it.

mod retry;
mod timeouts;

pub use retry::Retry;
pub use timeouts::Timeouts;
