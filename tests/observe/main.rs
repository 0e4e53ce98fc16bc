//! What is told of requests: the access log, and what the workers count.

mod counts;
mod lines;
mod logged;
mod refused;
