//! Requests and their answers.

use bytes::Bytes;
use http::{Request, StatusCode, Version};

use super::support::{HELD, HOST, World, get, until, within};

fn post(path: &str) -> http::request::Builder {
    Request::post(format!("https://{HOST}{path}"))
}

#[tokio::test]
async fn a_request_is_answered_and_has_no_body_that_it_has_not() {
    let world = World::new().await;
    let answer = world.client().await.get("/x?y=1").await.unwrap();
    assert_eq!((answer.head.status(), answer.head.version()), (StatusCode::OK, Version::HTTP_3));
    assert_eq!((answer.header("seen-host"), answer.header("seen-client")), (HOST, "127.0.0.1"));
    assert_eq!((answer.header("seen-length"), answer.header("seen-encoding")), ("", ""));
    assert_eq!(answer.header("connection"), "", "that is between us and the endpoint");
    let counts = world.running.counts();
    assert_eq!((counts.accepted, counts.requests, counts.handshakes), (1, 1, 1));
}

#[tokio::test]
async fn an_answer_has_a_date_and_none_to_head_has_a_body() {
    let world = World::new().await;
    let client = world.client().await;
    for (uri, status) in [(format!("https://{HOST}/"), 200), ("https://nobody.test/".to_owned(), 404)] {
        let answer = client.send(Request::head(uri).body(()).unwrap(), Bytes::new()).await.unwrap();
        assert_eq!((answer.head.status().as_u16(), answer.body.len()), (status, 0));
        let date = answer.header("date");
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{date:?}");
    }
}

#[tokio::test]
async fn a_body_that_no_length_announces_arrives_with_any_method() {
    let mut world = World::new().await;
    let request = get("/");
    let answer = world.client().await.send(request, Bytes::from_static(b"query")).await.unwrap();
    assert_eq!((answer.body.as_slice(), answer.header("seen-encoding")), (&b"query"[..], "chunked"));
    assert_eq!(world.bodies.recv().await.unwrap().unwrap(), b"query"[..]);
}

#[tokio::test]
async fn cookies_that_come_in_crumbs_are_one_field() {
    let world = World::new().await;
    let mut request = get("/");
    for crumb in ["a=1", "b=2"] {
        request.headers_mut().append("cookie", crumb.parse().unwrap());
    }
    let answer = world.client().await.send(request, Bytes::new()).await.unwrap();
    assert_eq!(answer.header("seen-cookie"), "a=1; b=2");
}

#[tokio::test]
async fn bodies_of_any_size_go_both_ways() {
    let mut world = World::new().await;
    let client = world.client().await;
    for size in [0, 1, 70_000, 900_000_usize] {
        let body: Bytes = (0..size).map(|number| (number % 251) as u8).collect();
        for with_length in [true, false] {
            let request = if with_length { post("/").header("content-length", size) } else { post("/") };
            let answer = client.send(request.body(()).unwrap(), body.clone()).await.unwrap();
            assert!(answer.body == body, "{size}");
            assert!(world.bodies.recv().await.unwrap().unwrap() == body);
            let length = answer.header("seen-length").to_owned();
            assert!(!with_length || length == size.to_string(), "{length} for {size}");
        }
    }
}

#[tokio::test]
async fn many_requests_run_at_once() {
    let world = World::new().await;
    let client = world.client().await;
    let requests = (0..100).map(|number| {
        let body = Bytes::from(vec![number; 10_000]);
        let client = &client;
        async move {
            let answer = client.send(post("/").body(()).unwrap(), body.clone()).await.unwrap();
            assert!(answer.body == body);
        }
    });
    futures_util::future::join_all(requests).await;
    assert_eq!(world.running.counts().accepted, 1);
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_was_said_is_no_request() {
    let mut world = World::new().await;
    let client = world.client().await;
    for said in ["10", "4"] {
        let request = post("/").header("content-length", said).body(()).unwrap();
        let answer = client.send(request, Bytes::from_static(b"12345")).await;
        assert!(answer.is_err() || answer.unwrap().head.status() == StatusCode::BAD_REQUEST, "{said}");
        // The endpoint has seen no whole body, if it has seen anything.
        if let Ok(seen) = world.bodies.try_recv() {
            assert_eq!(seen, Err(()), "{said}");
        }
    }
    for wrong in [&["5", "5"][..], &["+5"], &["x"]] {
        let request = wrong.iter().fold(post("/"), |request, value| request.header("content-length", *value));
        let answer = client.send(request.body(()).unwrap(), Bytes::from_static(b"12345")).await.unwrap();
        assert_eq!(answer.head.status(), StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    // The connection is as good as before.
    assert_eq!(client.get("/").await.unwrap().head.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_waits_for_a_word_gets_it() {
    let world = World::new().await;
    let client = world.client().await;
    let request = post("/").header("expect", "100-continue").body(()).unwrap();
    let mut stream = client.requests.clone().send_request(request).await.unwrap();
    let word = within("a word", stream.recv_response()).await.unwrap();
    assert_eq!(word.status(), StatusCode::CONTINUE);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_looks_cut_off() {
    let world = World::new().await;
    let client = world.client().await;
    let answer = client.get("/cut").await;
    assert!(
        answer.as_ref().is_err() || answer.as_ref().unwrap().head.status() != StatusCode::OK,
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_drain_lets_requests_end() {
    let world = World::new().await;
    let client = world.client().await;
    let connection = client.connection.clone();
    let request = tokio::spawn(async move {
        let answer = client.send(get("/slow"), Bytes::new()).await;
        (answer, client)
    });
    until("the request to come", || world.running.counts().requests == 1).await;
    let drained = world.running.drain(std::time::Duration::from_secs(20));
    HELD.add_permits(1);
    let drained = drained.await;
    let (answer, _client) = request.await.unwrap();
    assert_eq!(answer.unwrap().body, b"slow");
    assert_eq!(drained.cut, 0);
    within("the connection to end", connection.closed()).await;
}
