//! Log lines, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// Makes this process log. Called by `main` alone: a program that embeds the controller has its own subscriber.
pub fn init(format: LogFormat, verbosity: u8) {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    // Errors only if there is a subscriber already, and then that one is wanted.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets(verbosity))).try_init();
}

/// Manifests for ingress-nginx often say `--v=2`, which there is the usual amount. Libraries speak up only when all is asked for.
fn targets(verbosity: u8) -> Targets {
    let (ours, theirs) = match verbosity {
        0..=2 => (LevelFilter::INFO, LevelFilter::WARN),
        3..=4 => (LevelFilter::DEBUG, LevelFilter::WARN),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new()
        .with_default(theirs)
        // Never: they log answers that they cannot read as they are, Secrets among them. That a request failed is said by whoever sent it.
        .with_target("kube_client", LevelFilter::OFF)
        .with_target("kube_runtime", LevelFilter::OFF)
        .with_target("ingress_controller", ours)
        .with_target("ingress_proxy", ours)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn answers_of_the_api_server_are_not_quoted() {
        for verbosity in [0, 2, 4, 5, 9] {
            assert!(!targets(verbosity).would_enable("kube_client::client", &Level::ERROR), "{verbosity}");
            assert!(
                targets(verbosity).would_enable("ingress_controller::control", &Level::ERROR),
                "{verbosity}"
            );
        }
    }
}
