//! What users install: `deploy/manifests` and the Helm chart. Every object is one that the API server takes as it stands, every flag one
//! that the program has, every permission one that it needs, and what names another object finds it.
//!
//! The chart is tested by what it renders to, which is kept in `rendered/`; where there is a `helm`, the chart is rendered again and
//! compared, and `UPDATE_EXPECTED=1` writes the folder anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a test fails by a panic
#![allow(clippy::print_stdout)] // says what could not be tested

mod apply;
mod chart;
mod flags;
mod objects;
mod permissions;
mod references;
mod security_context;
mod typed;
mod unserved;
