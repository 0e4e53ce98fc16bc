use std::convert::Infallible;
use std::io;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::*;

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// An API server that answers as a test wants, and what it was asked.
#[derive(Clone)]
struct Server {
    asked: Arc<Mutex<Vec<&'static str>>>,
    watch: fn(usize) -> Answer,
}

impl Server {
    /// `watch` is given how many watches there were before.
    fn new(watch: fn(usize) -> Answer) -> Self {
        Self { asked: Arc::default(), watch }
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let answer = move |request: Request<Body>| {
            let answer = server.answer(request.uri().query().unwrap_or_default());
            async move { Ok::<_, Infallible>(answer) }
        };
        Client::new(tower::service_fn(answer), "default")
    }

    fn answer(&self, query: &str) -> Answer {
        let before = self.count("watch");
        let verb = if query.contains("watch=true") { "watch" } else { "list" };
        self.asked.lock().unwrap().push(verb);
        if verb == "watch" { (self.watch)(before) } else { list() }
    }

    fn count(&self, verb: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| **asked == verb).count()
    }
}

fn answer(status: u16, body: &Value) -> Answer {
    let text = Ok(Frame::data(format!("{body}\n").into()));
    let mut response = Response::new(StreamBody::new(stream::iter([text])).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn list() -> Answer {
    answer(200, &json!({"metadata": {"resourceVersion": "7"}, "items": []}))
}

fn failure(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": "x", "message": "no"})
}

/// A watch without news.
fn quiet() -> Answer {
    Response::new(StreamBody::new(stream::pending()).boxed_unsync())
}

/// What the control loop sees of a reflector of Services that has run for a while.
async fn run(server: &Server, seconds: u64) -> (Arc<Changes>, Arc<Progress>) {
    let (changes, progress) = (Arc::<Changes>::default(), Arc::<Progress>::default());
    let handle = progress.add("services".into(), true);
    let reflector = Reflector { store: Store::default(), wanted: None, handle, changes: changes.clone() };
    let client = server.client();
    tokio::spawn(reflector.run(client, Api::<Service>::all, watcher::Config::default()));
    sleep(Duration::from_secs(seconds)).await;
    (changes, progress)
}

#[tokio::test(start_paused = true)]
async fn a_kind_without_news_is_known_to_be_back() {
    let server = Server::new(|before| if before == 0 { answer(500, &failure(500)) } else { quiet() });
    let (changes, progress) = run(&server, 30).await;
    assert_eq!(progress.problems(), []);
    assert_eq!((server.count("list"), server.count("watch")), (1, 2));
    changes.wait().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_at_once_is_no_good_news() {
    let server = Server::new(|_| {
        let cut = stream::iter([Err(io::Error::other("cut"))]);
        Response::new(StreamBody::new(cut).boxed_unsync())
    });
    let (_, progress) = run(&server, 60).await;
    assert_eq!(progress.problems().len(), 1);
    assert!((8..40).contains(&server.count("watch")), "{}", server.count("watch"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_too_old_to_begin_is_preceded_by_a_new_list() {
    let server = Server::new(|before| if before == 0 { answer(410, &failure(410)) } else { quiet() });
    let (_, progress) = run(&server, 1).await;
    assert_eq!((server.count("list"), server.count("watch")), (2, 2));
    assert_eq!(progress.problems(), []);
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_history_is_always_gone_is_not_asked_without_end() {
    let server = Server::new(|_| answer(200, &json!({"type": "ERROR", "object": failure(410)})));
    let (_, progress) = run(&server, 60).await;
    assert!((5..15).contains(&server.count("list")), "{}", server.count("list"));
    assert_eq!(progress.problems().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_are_kept_apart() {
    let server =
        Server::new(|before| if before < 1000 { Response::new(Default::default()) } else { quiet() });
    let (_, progress) = run(&server, 10).await;
    assert!((30..50).contains(&server.count("watch")), "{}", server.count("watch"));
    assert_eq!(progress.problems(), []);
}

#[tokio::test(start_paused = true)]
async fn that_there_is_none_of_a_kind_is_news_once() {
    let server = Server::new(|_| quiet());
    let (changes, _) = run(&server, 1).await;
    assert_eq!(changes.take(), Touched::All);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(changes.take(), Touched::Nothing);
}
