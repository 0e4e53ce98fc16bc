//! Ports, each of which is for one thing.

use crate::args::Args;
use crate::error::Error;

/// Refuses flags that give two things one port; 0 is a free one, so another.
pub(super) fn check(args: &Args) -> Result<(), Error> {
    let webhook = args.webhook.validating_webhook.map_or(0, |(_, port)| port);
    let flags = [
        ("--http-port", args.http_port),
        ("--https-port", args.tls.https_port),
        ("--healthz-port", args.healthz_port),
        ("--validating-webhook", webhook),
    ];
    for (index, (one, port)) in flags.iter().enumerate().filter(|(_, (_, port))| *port != 0) {
        if let Some((other, _)) = flags.iter().skip(index + 1).find(|(_, other)| other == port) {
            return Err(Error::SamePort { one, other, port: *port });
        }
    }
    Ok(())
}
