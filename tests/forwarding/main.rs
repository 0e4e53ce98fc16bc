//! What an endpoint gets and what a client gets back: headers, bodies while they flow, protocol versions, upgrades; and the settings that
//! change it.

mod answers;
mod bodies;
mod body_size;
mod forwarded;
mod headers;
mod settings;
mod upgrade;
mod versions;
