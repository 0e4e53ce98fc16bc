//! Requests and answers that are wrong, ambiguous or endless. What is refused never reaches an endpoint.

mod framing;
mod http2;
mod refused;
mod timers;
mod upstream_answers;
