//! From a request to an answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WARNING};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};

use super::access::Attributes;
use super::patch::PatchType;
use super::record::{WatchGuard, WriteRecord};
use super::request::{Query, segments, target};
use super::select::Selection;
use super::shared::Shared;
use super::status::Failure;
use super::store::Page;
use super::watch::{Asked, Watch};
use super::write::{Target, Write, prepare};
use super::{discovery, webhook};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Real servers end a watch after 30 to 60 minutes if the client names no time.
const WATCH_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A request for objects.
struct Call {
    shared: Arc<Shared>,
    verb: &'static str,
    user: String,
    target: Target,
    selection: Selection,
    query: Query,
    media_type: String,
}

/// Answers a request.
pub(crate) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Response<Body> {
    shared.switches.delay().await;
    match route(shared, request).await {
        Ok(response) => response,
        Err(failure) => {
            let mut response = json_answer(failure.code, failure.status().to_string().into());
            if let Some(seconds) = failure.retry_after {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

async fn route(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
    let segments = segments(request.uri().path());
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["healthz" | "livez" | "readyz"] = segments.as_slice() {
        return Ok(respond(200, "text/plain", "ok".into()));
    }
    if let Some(document) = discovery::document(&segments) {
        shared.switches.planned("discovery")?;
        return Ok(json_answer(200, document.to_string().into()));
    }
    let target = target(&segments)?;
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let verb = verb(request.method(), &target, &query)?;
    let (labels, fields) = (query.get("labelSelector"), query.get("fieldSelector"));
    let selection = Selection::parse(target.kind, target.namespace.as_deref(), labels, fields);
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user = header(AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let media_type = header(CONTENT_TYPE).to_owned();
    let attributes = Attributes {
        user: &user,
        verb,
        kind: target.kind,
        status: target.status,
        namespace: match target.kind.plural {
            // A Namespace is in itself.
            "namespaces" if !target.name.is_empty() => Some(&target.name),
            _ => target.namespace.as_deref(),
        },
        name: match &selection {
            Ok(selection) if target.name.is_empty() => selection.name().unwrap_or_default(),
            _ => &target.name,
        },
    };
    shared.record.request(verb, attributes.resource());
    shared.switches.planned(&attributes.resource())?;
    shared.access.check(&attributes)?;
    let call = Call { shared, verb, user, target, selection: selection?, query, media_type };
    let body = request.into_body().collect().await.map_err(Failure::internal)?.to_bytes();
    match verb {
        "get" => call.get(),
        "list" => call.list(),
        "watch" => call.watch(),
        "deletecollection" => call.delete_collection(),
        _ => call.write(&body).await,
    }
}

fn verb(method: &Method, target: &Target, query: &Query) -> Result<&'static str, Failure> {
    let collection = target.name.is_empty();
    match (method.as_str(), collection) {
        ("GET", true) if query.is("watch") => Ok("watch"),
        ("GET", true) => Ok("list"),
        ("GET", false) => Ok("get"),
        ("POST", true) => Ok("create"),
        ("PUT", false) => Ok("update"),
        ("PATCH", false) => Ok("patch"),
        ("DELETE", true) => Ok("deletecollection"),
        ("DELETE", false) if !target.status => Ok("delete"),
        _ => Err(Failure::method()),
    }
}

impl Call {
    fn get(&self) -> Result<Response<Body>, Failure> {
        let Target { kind, name, .. } = &self.target;
        let found = self.shared.read(|store| store.get(kind, &self.target.key()));
        let found = found.ok_or_else(|| Failure::not_found(kind, name))?;
        Ok(json_answer(200, found.bytes().into()))
    }

    fn list(&self) -> Result<Response<Body>, Failure> {
        let exact = match self.query.get("resourceVersionMatch") {
            Some("Exact") => Some(self.query.number("resourceVersion")?),
            _ => None,
        };
        let limit = usize::try_from(self.query.number("limit")?).unwrap_or(usize::MAX);
        let next = self.query.get("continue");
        let page =
            self.shared.read(|store| store.page(self.target.kind, &self.selection, exact, limit, next))?;
        Ok(json_answer(200, self.list_of(&page)))
    }

    fn list_of(&self, page: &Page) -> Bytes {
        let kind = self.target.kind;
        let mut metadata = json!({ "resourceVersion": page.version.to_string() });
        if let Some(next) = &page.next {
            metadata["continue"] = json!(next);
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        let size: usize = page.items.iter().map(|object| object.item().len() + 1).sum();
        let mut list = Vec::with_capacity(size + 256);
        let (name, version) = (kind.kind, kind.api_version());
        let head = format!(
            "{{\"kind\":\"{name}List\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":["
        );
        list.extend_from_slice(head.as_bytes());
        for (place, object) in page.items.iter().enumerate() {
            if place > 0 {
                list.push(b',');
            }
            list.extend_from_slice(object.item());
        }
        list.extend_from_slice(b"]}");
        list.into()
    }

    fn watch(self) -> Result<Response<Body>, Failure> {
        let initial_events = self.query.is("sendInitialEvents");
        let version = self.query.number("resourceVersion")?;
        let timeout = self.query.number("timeoutSeconds")?;
        let asked = Asked {
            kind: self.target.kind,
            selection: self.selection,
            version: (version > 0 && !initial_events).then_some(version),
            initial_events,
            bookmarks: self.query.is("allowWatchBookmarks"),
            timeout: if timeout > 0 { Duration::from_secs(timeout) } else { WATCH_TIMEOUT },
        };
        if initial_events
            && (!asked.bookmarks || self.query.get("resourceVersionMatch") != Some("NotOlderThan"))
        {
            let why = "sendInitialEvents requires allowWatchBookmarks and setting resourceVersionMatch to NotOlderThan";
            return Err(Failure::new(422, "Invalid", why));
        }
        let guard = WatchGuard::new(self.shared.clone(), asked.kind.plural);
        let watch = Watch::new(self.shared, asked, guard);
        let frames = stream::unfold(watch, |mut watch| async move {
            let chunk = watch.next().await?;
            Some((chunk.map(Frame::data), watch))
        });
        Ok(respond_with(200, "application/json", StreamBody::new(frames).boxed_unsync()))
    }

    fn record(&self) -> WriteRecord {
        let Target { kind, status, .. } = self.target;
        let resource = if status { format!("{}/status", kind.plural) } else { kind.plural.to_owned() };
        WriteRecord::new(self.verb, resource, &self.user)
    }

    fn dry_run(&self) -> bool {
        self.query.get("dryRun") == Some("All")
    }

    /// What the body asks for.
    fn parse(&self, body: &[u8]) -> Result<Write, Failure> {
        if self.verb == "patch" {
            let patch_type = PatchType::of(&self.media_type)?;
            let manager = self.query.get("fieldManager").unwrap_or_default().to_owned();
            if patch_type == PatchType::Apply && manager.is_empty() {
                let why = "fieldManager: Required value: is required for apply patch";
                return Err(Failure::new(
                    422,
                    "Invalid",
                    format!("PatchOptions.meta.k8s.io \"\" is invalid: {why}"),
                ));
            }
            return Ok(Write::Patch { patch_type, patch: patch_type.parse(body)?, manager });
        }
        if self.media_type.contains("protobuf") {
            // What `kubectl create secret` sends; `kubectl apply` sends JSON.
            return Err(Failure::new(
                415,
                "UnsupportedMediaType",
                "this server takes JSON only: write a manifest and apply it",
            ));
        }
        let parsed = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(body) };
        let value =
            parsed.map_err(|error| Failure::bad_request(format!("unable to parse the body: {error}")))?;
        Ok(match self.verb {
            "create" => Write::Create(value),
            "update" => Write::Update(value),
            _ => Write::Delete(value),
        })
    }

    async fn write(&self, body: &[u8]) -> Result<Response<Body>, Failure> {
        let write = self.parse(body)?;
        loop {
            let candidate = self.shared.read(|store| prepare(store, &self.target, &write))?;
            let warnings = if self.target.status {
                Vec::new()
            } else {
                webhook::review(&self.shared, &candidate, &self.user, self.dry_run()).await?
            };
            let code = if candidate.old.is_none() { 201 } else { 200 };
            let (deletes, key) = (candidate.new.is_none(), candidate.key.clone());
            let object = if self.dry_run() {
                candidate.new.map(|object| object.to_string().into_bytes())
            } else {
                let changed = !candidate.is_unchanged();
                let stored = if changed { self.shared.commit(candidate) } else { Ok(candidate.old) };
                // Somebody else was faster: what to store is worked out anew.
                let Ok(stored) = stored else { continue };
                let bytes = stored.map(|stored| stored.bytes()).unwrap_or_default();
                let mut record = self.record().object(&key.0, &key.1, bytes.clone());
                record.changed = changed;
                self.shared.record.write(record);
                Some(bytes)
            };
            let mut response = match object {
                Some(object) if !deletes => json_answer(code, object.into()),
                _ => json_answer(200, deleted(&self.target).to_string().into()),
            };
            for warning in warnings {
                if let Ok(value) = format!("299 - {warning:?}").parse() {
                    response.headers_mut().append(WARNING, value);
                }
            }
            return Ok(response);
        }
    }

    fn delete_collection(&self) -> Result<Response<Body>, Failure> {
        let kind = self.target.kind;
        let page = self.shared.change(|store| {
            let page = store.page(kind, &self.selection, None, 0, None)?;
            for object in page.items.iter().filter(|_| !self.dry_run()) {
                store.write(kind, object.key.clone(), None);
            }
            Ok(page)
        })?;
        self.shared.record.write(self.record());
        Ok(json_answer(200, self.list_of(&page)))
    }
}

fn deleted(target: &Target) -> Value {
    let details = json!({ "name": target.name, "group": target.kind.group, "kind": target.kind.plural });
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

fn json_answer(code: u16, body: Bytes) -> Response<Body> {
    respond(code, "application/json", body)
}

fn respond(code: u16, media_type: &'static str, body: Bytes) -> Response<Body> {
    respond_with(code, media_type, Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

fn respond_with(code: u16, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}
