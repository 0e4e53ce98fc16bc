//! The data path: from a request to its answer, layer by layer.
//!
//! [`stack`] composes the layers in the order in which a request meets them. Nothing here knows a socket or a thread.

mod arrival;
mod check;
mod client;
mod client_certificate;
mod forward;
mod grpc;
mod headers;
mod https;
mod length;
mod record;
mod reply;
mod request;
mod request_id;
mod routed;
mod router;
mod tunnel;
mod upgrade;
mod view;
mod websocket;

use std::sync::Arc;

use http::Response;
use tower::ServiceBuilder;
use tower::layer::layer_fn;

pub(crate) use client::is_believed;
pub(crate) use record::{Observers, Record};
pub(crate) use upgrade::Held;
pub(crate) use view::Shared;

use crate::body::Body;
use crate::connection::Connection;
use crate::error::page;
use arrival::Arrivals;
use check::Check;
use forward::Forward;
use reply::Reply;
use router::Router;

/// The service that answers requests.
pub(crate) type Stack = Arrivals<Check<Router<Forward>>>;

/// Top to bottom: what a request meets, in order.
pub(crate) fn stack(shared: &Arc<Shared>) -> Stack {
    ServiceBuilder::new()
        .layer(layer_fn(|inner| Arrivals::new(inner, shared.clone())))
        .layer(layer_fn(|inner| Check::new(inner, shared.clone())))
        .layer(layer_fn(|inner| Router::new(inner, shared.clone())))
        .service(Forward)
}

/// The answer to a head that was refused before it was read as a request; `line` is what there is of its first line.
pub(crate) fn refused(
    stack: &Stack,
    shared: &Arc<Shared>,
    connection: Option<&Connection>,
    status: http::StatusCode,
    line: &[u8],
) -> Response<Body> {
    let settings = shared.settings();
    let record = stack.observers.as_ref().filter(|of| of.want(&settings));
    let record = record.map(|of| Record::refused(of, line, connection, &settings));
    Reply::default().conclude(record, page(status), &settings)
}
