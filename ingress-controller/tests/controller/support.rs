//! A folder of objects, backends, and a small HTTP client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// More than any wait takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A folder with objects.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// As editors do: whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.0.path().join(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.0.path().join(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.path().join(name)).unwrap();
    }
}

pub(crate) fn ingress(host: &str, path: &str, service: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web}}
spec:
  rules:
  - host: {host}
    http:
      paths:
      - path: {path}
        pathType: Prefix
        backend: {{service: {{name: {service}, port: {{number: 80}}}}}}
"
    )
}

/// A Service and its endpoints.
pub(crate) fn service(name: &str, endpoint: SocketAddr) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{port: {}}}]
endpoints: [{{addresses: [{}]}}]
",
        endpoint.port(),
        endpoint.ip()
    )
}

/// Answers every request with its name. A request for a path that ends in `/held` is announced, and answered when it is released.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) held: mpsc::Receiver<mpsc::Sender<()>>,
}

impl Backend {
    pub(crate) fn new(name: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (announce, held) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let announce = announce.clone();
                std::thread::spawn(move || answer(name, &stream, &announce));
            }
        });
        Self { address, held }
    }
}

fn answer(name: &str, mut stream: &TcpStream, announce: &mpsc::Sender<mpsc::Sender<()>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let held = lines.next().is_some_and(|line| line.contains("/held "));
    for line in lines {
        if line.is_empty() {
            break;
        }
    }
    if held {
        let (release, released) = mpsc::channel();
        let _ = announce.send(release);
        let _ = released.recv();
    }
    let length = name.len();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{name}");
}

/// Status and body of the answer to a GET, or what went wrong.
pub(crate) fn get(address: SocketAddr, host: &str, target: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONG))?;
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))
}
