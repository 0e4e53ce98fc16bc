//! What holds for the requests of a route. Data only; the layers of `ingress-proxy` enforce it.

mod body;
mod retry;
mod timeouts;

pub use body::RequestBody;
pub use retry::Retry;
pub use timeouts::Timeouts;
