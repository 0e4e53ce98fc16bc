//! Bound sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the system holds for a worker that is busy (nginx on Linux: 511; the system caps it at `net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Binds an address once for each worker: the system then spreads connections over them (`SO_REUSEPORT`).
///
/// # Errors
/// What the system says, `AddrInUse` also when somebody else shares the port on purpose.
pub(super) fn bind(address: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    // With SO_REUSEPORT alone the system would let us share a port with another process of the same user, and the clients would be split
    // between the two: so the port must be free for a socket that does not share.
    let address = match address.port() {
        0 => address,
        _ => {
            socket(address, false)?;
            address
        }
    };
    let first = socket(address, true)?;
    let address = first.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
    let mut listeners = vec![listen(first)?];
    while listeners.len() < workers {
        listeners.push(listen(socket(address, true)?)?);
    }
    Ok((address, listeners))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait for connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
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

fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_even_if_it_is_shared() {
        let (address, held) = bind(([127, 0, 0, 1], 0).into(), 2).unwrap();
        assert_eq!(held.len(), 2);
        assert_eq!(bind(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(held);
        assert!(bind(address, 1).is_ok());
    }
}
