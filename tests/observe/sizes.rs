//! The bytes that are told of are those on the wire, but for the framing of bodies.

use harness::{Upstream, one, serve_configured, snapshot, within};
use ingress_proxy::{Config, Finished, Observer, Server};
use tokio::sync::mpsc;

#[derive(Debug)]
struct Sizes(mpsc::UnboundedSender<(u64, u64)>);

impl Observer for Sizes {
    fn finished(&mut self, request: &Finished<'_>) {
        let _ = self.0.send((request.request_length, request.bytes_sent));
    }
}

#[tokio::test]
async fn heads_and_bodies_are_counted() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 gone\r\nContent-Length: x\r\n\r\n",
    ] {
        let upstream = Upstream::answering(answer).await;
        let (sender, mut told) = mpsc::unbounded_channel();
        let observe = move |server: Server| server.observe(move |_| Box::new(Sizes(sender.clone())));
        let harness = serve_configured(snapshot(&one(&upstream)), Config::default(), observe).await;
        let request = "PUT /x?y HTTP/1.1\r\nHost: a.test\r\nX_Dropped: 1\r\nContent-Length: 4\r\n\r\nbody";
        let got = harness.send(request).await;
        let told = within("the observer", told.recv()).await.expect("an observer");
        assert_eq!(told, (request.len() as u64, (got.head.raw.len() + got.body.len()) as u64), "{got:?}");
    }
}
