//! The controller over real sockets: as a program, and in this process.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by a panic

mod https;
mod in_process;
mod program;
mod support;
mod tls;
