//! When another endpoint is tried.

use harness::{Harness, Manifests, Turn, Upstream, serve};

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const EMPTY_POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";

async fn balanced(upstreams: &[&Upstream]) -> Harness {
    let manifests = Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80);
    serve(&manifests.service("web", upstreams.iter().copied())).await
}

#[tokio::test]
async fn an_endpoint_that_refuses_costs_nothing() {
    let good = Upstream::named("good").await;
    let harness = balanced(&[&Upstream::refusing(), &good, &Upstream::refusing()]).await;
    let mut client = harness.connect().await;
    for request in [GET, POST].repeat(12) {
        client.send(request).await;
        assert_eq!(client.answer().await.text(), "good", "{request}");
    }
    assert_eq!(good.count(), 24);
    assert!(good.requests().iter().filter(|got| got.head.method() == "POST").all(|got| got.body == b"body"));
}

#[tokio::test]
async fn three_tries_and_no_more() {
    let turn = Turn::default();
    let closing = async || {
        let turn = turn.clone();
        let script = move |mut conn: harness::Conn| {
            let turn = turn.clone();
            async move {
                conn.request().await?;
                turn.next();
                Ok(())
            }
        };
        Upstream::script(script).await
    };
    let upstreams = [closing().await, closing().await, closing().await, closing().await, closing().await];
    let harness = balanced(&upstreams.each_ref()).await;
    assert_eq!(harness.send(GET).await.status, 502);
    assert_eq!(turn.next(), 3, "tries");
    assert!(upstreams.iter().all(|upstream| upstream.count() <= 1), "each try goes to another endpoint");
}

#[tokio::test]
async fn no_limit_is_the_number_of_endpoints() {
    let manifests = Manifests::new()
        .ingress("web")
        .nginx("proxy-next-upstream-tries", "0")
        .host("a.test")
        .prefix("/", "web", 80);
    let upstreams = [Upstream::closing().await, Upstream::closing().await, Upstream::closing().await];
    let harness = serve(&manifests.service("web", &upstreams)).await;
    assert_eq!(harness.send(GET).await.status, 502);
    assert!(upstreams.iter().all(|upstream| upstream.count() == 1), "each is tried once");
}

#[tokio::test]
async fn a_get_is_tried_again_where_the_endpoint_closes() {
    let (closing, good) = (Upstream::closing().await, Upstream::named("good").await);
    let harness = balanced(&[&closing, &good]).await;
    let mut client = harness.connect().await;
    for _ in 0..10 {
        client.send(GET).await;
        assert_eq!(client.answer().await.text(), "good");
    }
    assert!(closing.count() > 0);
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_sent_again() {
    for request in [POST, EMPTY_POST] {
        let (closing, good) = (Upstream::closing().await, Upstream::named("good").await);
        let harness = balanced(&[&closing, &good]).await;
        let mut client = harness.connect().await;
        let mut statuses = Vec::new();
        for method in ["POST", "PATCH", "LOCK"].repeat(4) {
            client.send(request.replace("POST", method)).await;
            statuses.push(client.answer().await.status);
        }
        assert_eq!(closing.count() + good.count(), 12, "each was sent once");
        let counted = |wanted: u16| statuses.iter().filter(|&&status| status == wanted).count();
        assert_eq!((counted(502), counted(200)), (closing.count(), good.count()));
        assert!(closing.count() > 0 && good.count() > 0);
    }
}

/// An endpoint whose connections serve one request and then close: at once, or when the next request has come.
async fn forgetful(wait_for_next: bool) -> Upstream {
    Upstream::script(move |mut conn| async move {
        conn.request().await?;
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await?;
        if wait_for_next {
            conn.request().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_dead_idle_connection_is_replaced() {
    for wait_for_next in [false, true] {
        let upstream = forgetful(wait_for_next).await;
        let harness = balanced(&[&upstream]).await;
        let mut client = harness.connect().await;
        for _ in 0..6 {
            client.send(GET).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.text()), (200, "good"));
        }
    }
}

#[tokio::test]
async fn a_post_on_a_dying_connection_is_sent_once() {
    for request in [POST, EMPTY_POST] {
        let upstream = forgetful(true).await;
        let harness = balanced(&[&upstream]).await;
        let mut client = harness.connect().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
        client.send(request).await;
        assert_eq!(client.answer().await.status, 502);
        let posts = upstream.requests().iter().filter(|got| got.head.method() == "POST").count();
        assert_eq!(posts, 1, "{request}");
    }
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_begun_again() {
    let (cut, good) = (
        Upstream::answering_once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await,
        Upstream::named("good").await,
    );
    let harness = balanced(&[&cut, &good]).await;
    for _ in 0..6 {
        let mut client = harness.connect().await;
        client.send(GET).await;
        if let Ok(answer) = client.try_answer("GET").await {
            assert!([200, 502].contains(&answer.status) && !answer.text().contains("abc"), "{answer:?}");
        }
    }
    assert!(cut.count() > 0 && cut.count() + good.count() == 6, "{} {}", cut.count(), good.count());
}

#[tokio::test]
async fn an_error_that_an_endpoint_answers_is_an_answer() {
    for start in
        ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
    {
        let upstream =
            Upstream::answering(format!("HTTP/1.1 {start}\r\nX-Mine: 1\r\nContent-Length: 4\r\n\r\nmine"))
                .await;
        let harness = balanced(&[&upstream]).await;
        let answer = harness.get("a.test", "/").await;
        assert_eq!((answer.text(), answer.header("x-mine")), ("mine", Some("1")));
        assert_eq!(upstream.count(), 1, "{start}");
    }
}
