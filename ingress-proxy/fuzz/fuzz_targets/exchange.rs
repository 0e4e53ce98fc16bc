//! A client sends any body with any word about its length: what the endpoint gets is one whole request or none.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ingress_proxy::fuzzing::exchange(data));
