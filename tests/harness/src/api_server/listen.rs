//! The port: opened, closed and opened again, with all its connections.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::http;
use super::shared::Shared;

/// A socket with this address that does not listen: connections are refused.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    // So that the next one is there before the last one goes: nobody else gets the port in between.
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Serves until it is dropped, opening and closing the port as the switch wants it.
pub(crate) async fn serve(shared: Arc<Shared>, address: SocketAddr, mut socket: Socket) {
    let mut wanted = shared.switches.wanted.subscribe();
    loop {
        let listener = TcpListener::from_std(socket.into()).expect("a listener");
        shared.switches.open.send_replace(true);
        {
            let mut accepting = pin!(accept(&shared, listener));
            tokio::select! {
                () = &mut accepting => {}
                _ = wanted.wait_for(|wanted| !wanted) => {}
            }
            // Bound but not listening: the port stays ours, and refuses.
            socket = bind(address).expect("the port that is ours");
        }
        shared.switches.open.send_replace(false);
        let _ = wanted.wait_for(|wanted| *wanted).await;
        socket.listen(1024).expect("to listen again");
    }
}

/// Accepts; all connections are cut when this is dropped.
async fn accept(shared: &Arc<Shared>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(connection(shared.clone(), stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, std::convert::Infallible>(http::answer(shared, request).await) }
    });
    // A client that goes away, and a watch that is cut, end the connection with an error.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
