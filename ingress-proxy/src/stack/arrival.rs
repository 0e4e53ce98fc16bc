//! A request as it comes in, before anything is known of it.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower::Service;

use super::record::{Observers, Record};
use super::view::Shared;
use crate::body::Body;
use crate::connection::Connection;

/// A request with what is known of its connection, and the record that the observer is to get.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(super) request: Box<Request<Body>>,
    pub(super) connection: Option<Connection>,
    pub(super) record: Option<Box<Record>>,
}

/// The outermost layer: begins the record of each request, if somebody wants it.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals<S> {
    inner: S,
    shared: Arc<Shared>,
    pub(crate) observers: Option<Observers>,
}

impl<S> Arrivals<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared, observers: None }
    }

    /// Tells these observers of each request from now on.
    pub(crate) fn observe(&mut self, observers: Observers) {
        self.observers = Some(observers);
    }
}

impl<S: Service<Arrival>> Service<(Box<Request<Body>>, Option<Connection>)> for Arrivals<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, (request, connection): (Box<Request<Body>>, Option<Connection>)) -> Self::Future {
        let observers = self.observers.as_ref().filter(|of| of.want(self.shared.view().settings()));
        let record = observers.map(|of| Record::begin(of, &request, connection.as_ref()));
        self.inner.call(Arrival { request, connection, record })
    }
}
