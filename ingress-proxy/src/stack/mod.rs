//! The data path: from a request to its answer, layer by layer.
//!
//! [`stack`] composes the layers in the order in which a request meets them. Nothing here knows a socket or a thread.

mod check;
mod forward;
mod headers;
mod request;
mod routed;
mod router;
mod tunnel;
mod upgrade;
mod view;

use std::sync::Arc;

use tower::ServiceBuilder;
use tower::layer::layer_fn;

pub(crate) use view::Shared;

use check::Check;
use forward::Forward;
use router::Router;

/// The service that answers requests.
pub(crate) type Stack = Check<Router<Forward>>;

/// Top to bottom: what a request meets, in order.
pub(crate) fn stack(shared: &Arc<Shared>) -> Stack {
    ServiceBuilder::new()
        .layer(layer_fn(Check::new))
        .layer(layer_fn(|inner| Router::new(inner, shared.clone())))
        .service(Forward::new(shared.clone()))
}
