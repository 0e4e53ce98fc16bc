//! Bound sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};

use ingress_core::stream::StreamProtocol;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

/// How many connections the system holds for a worker that is busy (nginx on Linux: 511; the system caps it at `net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Binds an address once for each worker: the system then spreads connections over them (`SO_REUSEPORT`).
///
/// # Errors
/// What the system says, `AddrInUse` also when somebody else shares the port on purpose.
pub(super) fn bind(address: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let (address, sockets) = bind_all(StreamProtocol::Tcp, address, workers)?;
    Ok((address, sockets.into_iter().map(TcpListener::from).collect()))
}

/// As [`bind`], for either protocol.
///
/// # Errors
/// As [`bind`].
pub(super) fn bind_all(
    protocol: StreamProtocol,
    address: SocketAddr,
    workers: usize,
) -> io::Result<(SocketAddr, Vec<Socket>)> {
    // With SO_REUSEPORT alone the system would let us share a port with another process of the same user, and the clients would be split
    // between the two: so the port must be free for a socket that does not share.
    if address.port() != 0 {
        socket(protocol, address, false)?;
    }
    let first = bind_one(protocol, address)?;
    let address = first.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
    let mut sockets = vec![first];
    while sockets.len() < workers {
        sockets.push(bind_one(protocol, address)?);
    }
    Ok((address, sockets))
}

/// One socket more on an address that is ours already.
///
/// # Errors
/// What the system says.
pub(super) fn bind_one(protocol: StreamProtocol, address: SocketAddr) -> io::Result<Socket> {
    let socket = socket(protocol, address, true)?;
    if protocol == StreamProtocol::Tcp {
        // Without it a small write can wait for the acknowledgement of the one before. What is accepted inherits it.
        socket.set_tcp_nodelay(true)?;
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

/// The connections that the system has accepted for a listener already: they would be reset when it closes.
pub(super) fn accepted_already(
    listener: tokio::net::TcpListener,
) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    // Asked without tokio, whose word that nothing is there may be out of date.
    let listener = listener.into_std().ok();
    std::iter::from_fn(move || {
        let (stream, peer) = listener.as_ref()?.accept().ok()?;
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)).ok()?;
        Some((stream, peer))
    })
}

fn socket(protocol: StreamProtocol, address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let (kind, number) = match protocol {
        StreamProtocol::Tcp => (Type::STREAM, Protocol::TCP),
        StreamProtocol::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let socket = Socket::new(Domain::for_address(address), kind, Some(number))?;
    if protocol == StreamProtocol::Tcp {
        // So that a restart need not wait for connections in TIME_WAIT. For UDP it would let others have the port.
        socket.set_reuse_address(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // IPv4 has listeners of its own.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udp_port_in_use_is_refused_even_if_it_is_shared() {
        let (address, held) = bind_all(StreamProtocol::Udp, ([127, 0, 0, 1], 0).into(), 2).unwrap();
        assert_eq!(held.len(), 2);
        assert!(bind_one(StreamProtocol::Udp, address).is_ok());
        assert_eq!(bind_all(StreamProtocol::Udp, address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(held);
        assert!(bind_all(StreamProtocol::Udp, address, 1).is_ok());
    }

    #[test]
    fn what_is_accepted_does_not_wait_for_acknowledgements() {
        let (address, listeners) = bind(([127, 0, 0, 1], 0).into(), 1).unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        listeners[0].set_nonblocking(false).unwrap();
        assert!(listeners[0].accept().unwrap().0.nodelay().unwrap());
    }

    #[test]
    fn a_port_in_use_is_refused_even_if_it_is_shared() {
        let (address, held) = bind(([127, 0, 0, 1], 0).into(), 2).unwrap();
        assert_eq!(held.len(), 2);
        assert_eq!(bind(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(held);
        assert!(bind(address, 1).is_ok());
    }
}
