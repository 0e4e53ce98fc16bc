//! A gRPC service written by hand, as generated code would be, and its client. Both sides are tonic's.

use std::convert::Infallible;
use std::future::Future;

use futures_util::{Stream, StreamExt as _, stream};
use harness::{Conn, Gate, Tls, TlsServer, Upstream, within};
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// The only message.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Note {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

impl Note {
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

pub(crate) fn codec() -> ProstCodec<Note, Note> {
    ProstCodec::default()
}

/// An endpoint that serves notes; `gate` holds what `Hang` says, and the second half of `Count`.
pub(crate) async fn server(tls: Option<TlsServer>, gate: Gate) -> Upstream {
    let script = move |conn: Conn| {
        let gate = gate.clone();
        async move {
            let answer = service_fn(move |request: http::Request<Incoming>| {
                let gate = gate.clone();
                async move { Ok::<_, Infallible>(route(request, gate).await) }
            });
            let serve = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(conn), TowerToHyperService::new(answer));
            serve.await.map_err(std::io::Error::other)
        }
    };
    match tls {
        None => Upstream::script(script).await,
        Some(tls) => Upstream::script_tls(tls, script).await,
    }
}

async fn route(request: http::Request<Incoming>, gate: Gate) -> http::Response<tonic::body::Body> {
    let mut grpc = tonic::server::Grpc::new(codec());
    match request.uri().path() {
        "/test.Notes/Say" => grpc.unary(service_fn(say), request).await,
        "/test.Notes/Join" => grpc.client_streaming(service_fn(join), request).await,
        "/test.Notes/Count" => {
            grpc.server_streaming(service_fn(move |note| count(note, gate.clone())), request).await
        }
        "/test.Notes/Chat" => grpc.streaming(service_fn(chat), request).await,
        "/test.Notes/Hang" => grpc.unary(service_fn(move |note| hang(note, gate.clone())), request).await,
        path => Status::unimplemented(path).into_http(),
    }
}

/// Says it back, and tells what metadata came; `fail` fails.
async fn say(request: Request<Note>) -> Result<Response<Note>, Status> {
    let asked = request.metadata().get("x-asked").cloned();
    let binary = request.metadata().get_bin("x-asked-bin").cloned();
    let text = request.into_inner().text;
    if text == "fail" {
        let mut status =
            Status::with_details(Code::FailedPrecondition, "no: 100 % zu spät", "details".into());
        status.metadata_mut().insert("x-why", "because".parse().expect("a value"));
        return Err(status);
    }
    let mut response = Response::new(Note::of(format!("you said {text}")));
    if let Some(asked) = asked {
        response.metadata_mut().insert("x-answered", asked);
    }
    if let Some(binary) = binary {
        response.metadata_mut().insert_bin("x-answered-bin", binary);
    }
    Ok(response)
}

/// All that came, in one.
async fn join(request: Request<Streaming<Note>>) -> Result<Response<Note>, Status> {
    let mut notes = request.into_inner();
    let mut all = Vec::new();
    while let Some(note) = notes.message().await? {
        all.push(note.text);
    }
    Ok(Response::new(Note::of(all.join(" "))))
}

/// Two numbers, and two more when the gate is open; then it fails.
async fn count(
    _: Request<Note>,
    gate: Gate,
) -> Result<Response<impl Stream<Item = Result<Note, Status>> + use<>>, Status> {
    let numbers = stream::iter(1..=5).then(move |number| {
        let gate = gate.clone();
        async move {
            if number > 2 {
                gate.passed().await;
            }
            if number == 5 { Err(Status::out_of_range("five")) } else { Ok(Note::of(number.to_string())) }
        }
    });
    Ok(Response::new(numbers))
}

/// Each note as it comes.
async fn chat(
    request: Request<Streaming<Note>>,
) -> Result<Response<impl Stream<Item = Result<Note, Status>> + use<>>, Status> {
    let notes = request.into_inner();
    Ok(Response::new(notes.map(|note| note.map(|note| Note::of(format!("re: {}", note.text))))))
}

async fn hang(_: Request<Note>, gate: Gate) -> Result<Response<Note>, Status> {
    gate.passed().await;
    Ok(Response::new(Note::of("late")))
}

/// A client of `a.test`, over TLS or with prior knowledge.
pub(crate) struct Client {
    grpc: tonic::client::Grpc<Channel>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, tls: Option<Tls>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://a.test")).expect("a URL");
        let channel = match tls {
            None => {
                let connect =
                    service_fn(move |_| async move { TcpStream::connect(address).await.map(TokioIo::new) });
                within("a channel", endpoint.connect_with_connector(connect)).await
            }
            Some(tls) => {
                let tls = tls.alpn(&["h2"]);
                let connect = service_fn(move |_| {
                    let tls = tls.clone();
                    async move { tls.handshake(address, "a.test").await.map(TokioIo::new) }
                });
                within("a channel", endpoint.connect_with_connector(connect)).await
            }
        };
        Self { grpc: tonic::client::Grpc::new(channel.expect("a channel")) }
    }

    async fn ready(&mut self) {
        within("the channel", self.grpc.ready()).await.expect("a channel that works");
    }

    pub(crate) async fn unary(
        &mut self,
        method: &'static str,
        request: Request<Note>,
    ) -> Result<Response<Note>, Status> {
        self.ready().await;
        within(method, self.grpc.unary(request, PathAndQuery::from_static(method), codec())).await
    }

    pub(crate) async fn say(&mut self, text: &str) -> Result<String, Status> {
        let answer = self.unary("/test.Notes/Say", Request::new(Note::of(text))).await?;
        Ok(answer.into_inner().text)
    }

    pub(crate) async fn join(
        &mut self,
        notes: impl Stream<Item = Note> + Send + 'static,
    ) -> Result<String, Status> {
        self.ready().await;
        let path = PathAndQuery::from_static("/test.Notes/Join");
        let answer = within("Join", self.grpc.client_streaming(Request::new(notes), path, codec())).await?;
        Ok(answer.into_inner().text)
    }

    pub(crate) async fn count(&mut self) -> Result<Streaming<Note>, Status> {
        self.ready().await;
        let path = PathAndQuery::from_static("/test.Notes/Count");
        let request = Request::new(Note::of(""));
        Ok(within("Count", self.grpc.server_streaming(request, path, codec())).await?.into_inner())
    }

    pub(crate) async fn chat(
        &mut self,
        notes: impl Stream<Item = Note> + Send + 'static,
    ) -> Result<Streaming<Note>, Status> {
        self.ready().await;
        let path = PathAndQuery::from_static("/test.Notes/Chat");
        Ok(within("Chat", self.grpc.streaming(Request::new(notes), path, codec())).await?.into_inner())
    }
}

/// The next message of a stream.
pub(crate) fn next(notes: &mut Streaming<Note>) -> impl Future<Output = Result<Option<String>, Status>> + '_ {
    within("a note", async { Ok(notes.message().await?.map(|note| note.text)) })
}
