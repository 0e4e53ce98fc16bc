//! HTTP/3: the same requests over QUIC.
//!
//! Each worker has an endpoint of its own on the port, and the system gives it the packets by the client's address. So a client whose address
//! changes is not followed (its packets would reach another worker): it connects anew. Nothing is taken before the handshake is done.

mod answer;
mod body;
mod connection;
mod endpoint;
mod guard;
mod request;

pub(super) use endpoint::Listener;
