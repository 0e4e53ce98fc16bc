//! What an endpoint gets and what a client gets back: headers, bodies while they flow, protocol versions, upgrades.

mod answers;
mod bodies;
mod headers;
mod upgrade;
mod versions;
