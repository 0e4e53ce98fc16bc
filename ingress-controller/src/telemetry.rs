//! Log lines, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;

use crate::args::LogFormat;

/// Makes this process log. Called by `main` alone: a program that embeds the controller has its own subscriber.
pub fn init(format: LogFormat, verbosity: u8) {
    // Errors only if there is a subscriber already, and then that one is wanted.
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level(verbosity))
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
}

/// Manifests for ingress-nginx often say `--v=2`, which there is the usual amount.
fn level(verbosity: u8) -> LevelFilter {
    match verbosity {
        0..=2 => LevelFilter::INFO,
        3..=4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}
