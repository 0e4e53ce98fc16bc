//! The controller at an API server: objects become traffic, and what there is to say about them is said there.
//!
//! What is in `scenarios` needs nothing but an API server: the suite `cluster` runs the same at a real one. The rest needs the faults, the
//! permissions and the records of the one of the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a test fails by a panic
#![allow(clippy::print_stdout)] // says what could not be tested

mod certificates;
mod observe;
mod outage;
mod permissions;
mod program;
mod record;
mod scenarios;
mod secrets;
mod start;

/// The program, as cargo has built it for this suite.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ingress-controller-under-test");

macro_rules! in_memory {
    ($($module:ident: $($scenario:ident)*;)*) => {$(
        mod $module {
            use harness::world::World;

            $(
                #[tokio::test]
                async fn $scenario() {
                    crate::scenarios::$module::$scenario(&World::in_memory().await).await;
                }
            )*
        }
    )*};
}

mod run {
    crate::scenarios::every!(in_memory);
}
