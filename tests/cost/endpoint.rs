//! An endpoint that allocates nothing while it answers: what is counted in its process is the proxy's.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::client::{content_length, head_length};

/// What is answered to `/large`.
pub(crate) const LARGE: usize = 100 * 1024;

/// Answers everything with a few bytes, and `/large` with [`LARGE`]; serves until the process ends.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a connection");
    let (small, large) = (answer("hello\n"), answer(&"x".repeat(LARGE)));
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(read) if read > 0 => filled += read,
            _ => return,
        }
        let request = &buffer[..filled];
        let Some(head) = head_length(request) else { continue };
        if filled < head + content_length(&request[..head]).unwrap_or(0) {
            continue;
        }
        let answer = if request.starts_with(b"GET /large") { &large } else { &small };
        if stream.write_all(answer).is_err() {
            return;
        }
        filled = 0;
    }
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
