//! Ingress controller.
#![allow(dead_code)]
mod source;
