//! What holds for the requests of a route. Data only; the layers of `ingress-proxy` enforce it.

mod body;
mod https;
mod retry;
mod timeouts;
mod transport;

pub use body::RequestBody;
pub use https::{Https, HttpsRedirect, HttpsRules};
pub use retry::Retry;
pub use timeouts::Timeouts;
pub use transport::{Protocol, Transport};
