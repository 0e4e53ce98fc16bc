//! The scenarios of the suite `controller` at a real API server:
//!
//! ```sh
//! sudo ip addr add 198.18.0.1/32 dev lo
//! KUBECONFIG=… ENDPOINT_ADDRESS=198.18.0.1 cargo test -p ingress-tests --test cluster -- --ignored
//! ```
//!
//! The user of the kubeconfig must be allowed everything. Each scenario makes a namespace and an IngressClass `suite-…` of its own, and
//! leaves them there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a test fails by a panic

mod outage;
#[path = "../controller/scenarios/mod.rs"]
mod scenarios;

/// The program, as cargo has built it for this suite.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ingress-controller-under-test");

macro_rules! real {
    ($($module:ident: $($scenario:ident)*;)*) => {$(
        mod $module {
            use harness::world::World;

            $(
                #[tokio::test]
                #[ignore = "needs a Kubernetes API server: see the top of tests/cluster/main.rs"]
                async fn $scenario() {
                    crate::scenarios::$module::$scenario(&World::real().await).await;
                }
            )*
        }
    )*};
}

mod run {
    crate::scenarios::every!(real);
}
