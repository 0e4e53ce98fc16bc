//! A request whose route is known: what every layer below the router works on.

use std::sync::Arc;

use super::request::ClientRequest;
use super::view::RouteTarget;
use crate::upstream::Group;

/// A request with its route.
#[derive(Debug)]
pub(crate) struct Routed {
    /// The request.
    pub(crate) request: ClientRequest,
    /// The route, and the settings that hold on it.
    pub(crate) target: Arc<RouteTarget>,
    /// The upstream that it leads to.
    pub(crate) group: Arc<Group>,
}
