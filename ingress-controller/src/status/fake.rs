//! A small API server for tests, in memory and without sockets, so that tokio's clock can be paused around it. It knows versions,
//! conflicts, the subresource `status` and merge patches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Frame;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// Clones are the same server.
#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// By the path of the request that reads it.
    objects: BTreeMap<String, Value>,
    version: u64,
    /// Method and path of each write that was let through.
    writes: Vec<(Method, String)>,
    fault: Option<Fault>,
    forbidden: Vec<(Method, &'static str)>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// Never answers.
    Hang,
    /// Answers 500.
    Broken,
    /// Answers the next write with 409.
    Conflict,
}

type Answer = Response<Either<Full<Bytes>, Pending>>;

impl Fake {
    pub(super) fn client(&self) -> Client {
        let fake = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                if fake.0.lock().unwrap().fault == Some(Fault::Hang) {
                    std::future::pending::<()>().await;
                }
                Ok::<_, std::convert::Infallible>(fake.answer(&head.method, &head.uri, &body))
            }
        });
        Client::new(service, "default")
    }

    pub(super) fn put(&self, path: &str, mut object: Value) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        object["metadata"]["resourceVersion"] = state.version.to_string().into();
        state.objects.insert(path.into(), object);
    }

    pub(super) fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    /// All objects in a collection.
    pub(super) fn all(&self, path: &str) -> Vec<Value> {
        let folder = format!("{path}/");
        let state = self.0.lock().unwrap();
        state
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with(&folder))
            .map(|(_, object)| object.clone())
            .collect()
    }

    pub(super) fn delete(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path);
    }

    pub(super) fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.0.lock().unwrap().fault = fault.into();
    }

    /// Answers 403 to such requests for paths that hold this.
    pub(super) fn forbid(&self, method: Method, part: &'static str) {
        self.0.lock().unwrap().forbidden.push((method, part));
    }

    /// Forbids nothing any longer.
    pub(super) fn allow(&self) {
        self.0.lock().unwrap().forbidden.clear();
    }

    /// How many writes by this method to paths that hold this were let through.
    pub(super) fn writes(&self, method: &Method, part: &str) -> usize {
        let state = self.0.lock().unwrap();
        state.writes.iter().filter(|(other, path)| other == method && path.contains(part)).count()
    }

    /// The paths of the newest writes, the oldest of them first.
    pub(super) fn last_writes(&self, most: usize) -> Vec<String> {
        let state = self.0.lock().unwrap();
        state.writes.iter().rev().take(most).rev().map(|(_, path)| path.clone()).collect()
    }

    fn answer(&self, method: &Method, uri: &http::Uri, body: &[u8]) -> Answer {
        let mut state = self.0.lock().unwrap();
        let path = uri.path();
        if state.fault == Some(Fault::Broken) {
            return failure(500, "InternalError", "broken");
        }
        if state.forbidden.iter().any(|(other, part)| other == method && path.contains(part)) {
            let verb = if method == Method::PUT { "update" } else { "create" };
            let message =
                format!("x is forbidden: User \"u\" cannot {verb} resource \"things\" in API group \"g\"");
            return failure(403, "Forbidden", &message);
        }
        if method == Method::GET {
            return state.read(uri);
        }
        if state.fault == Some(Fault::Conflict) {
            state.fault = None;
            return failure(409, "Conflict", "the object has been modified");
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        state.write(method, path, body)
    }
}

impl State {
    fn read(&self, uri: &http::Uri) -> Answer {
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        if let Some(object) = self.objects.get(path) {
            return found(object);
        }
        if query.contains("watch=true") {
            return Response::new(Either::Right(Pending));
        }
        if query.contains("limit=") || query.contains("Selector=") {
            let field = query.split_once("fieldSelector=metadata.name%3D").map(|(_, rest)| rest);
            let name = field.map(|rest| rest.split('&').next().unwrap_or_default());
            let folder = format!("{path}/");
            let items: Vec<_> = self
                .objects
                .iter()
                .filter(|(other, _)| other.starts_with(&folder))
                .map(|(_, object)| object)
                .filter(|object| name.is_none_or(|name| object["metadata"]["name"] == name))
                .collect();
            return found(
                &json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items}),
            );
        }
        failure(404, "NotFound", "not found")
    }

    fn write(&mut self, method: &Method, path: &str, mut body: Value) -> Answer {
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let target = match *method {
            Method::POST => format!("{path}/{name}"),
            _ => path.trim_end_matches("/status").to_owned(),
        };
        let old = self.objects.get(&target);
        let new = match (method, old) {
            (&Method::POST, Some(_)) => return failure(409, "AlreadyExists", "already exists"),
            (&Method::POST, None) => body,
            (_, None) => return failure(404, "NotFound", "not found"),
            (&Method::PATCH, Some(old)) => {
                let mut new = old.clone();
                for (key, value) in body.as_object().unwrap() {
                    new[key] = value.clone();
                }
                new
            }
            (_, Some(old)) => {
                let given = &body["metadata"]["resourceVersion"];
                if !given.is_null() && given != &old["metadata"]["resourceVersion"] {
                    return failure(409, "Conflict", "the object has been modified");
                }
                if path.ends_with("/status") {
                    let mut new = old.clone();
                    new["status"] = body["status"].take();
                    new
                } else {
                    body
                }
            }
        };
        self.version += 1;
        let mut new = new;
        new["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.writes.push((method.clone(), path.to_owned()));
        let answer = found(&new);
        self.objects.insert(target, new);
        answer
    }
}

fn found(object: &Value) -> Answer {
    Response::new(Either::Left(Full::from(object.to_string())))
}

fn failure(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": message});
    let mut answer = found(&status);
    *answer.status_mut() = http::StatusCode::from_u16(code).unwrap();
    answer
}

/// A body that says nothing and does not end: a watch without news.
pub(super) struct Pending;

impl hyper::body::Body for Pending {
    type Data = Bytes;
    type Error = <Empty<Bytes> as hyper::body::Body>::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}
