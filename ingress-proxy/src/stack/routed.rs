//! A request whose route is known: what every layer below the router works on.

use std::sync::Arc;

use super::request::ClientRequest;
use super::view::RouteTarget;

/// A request with its route.
#[derive(Debug)]
pub(crate) struct Routed {
    /// The request.
    pub(crate) request: ClientRequest,
    /// The route, and the upstream that it leads to.
    pub(crate) target: Arc<RouteTarget>,
}
