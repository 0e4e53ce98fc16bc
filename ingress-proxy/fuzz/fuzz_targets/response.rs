//! An endpoint says anything, cut anyhow: it must mean the same however it is cut, and a connection is used again only after one answer
//! and nothing else.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ingress_proxy::fuzzing::response(data));
