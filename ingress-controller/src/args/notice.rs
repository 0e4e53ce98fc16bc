//! What is said about flags that are accepted and do not do what they do in ingress-nginx.

use super::Args;

impl Args {
    /// Logs each flag of the command line that has no effect: loudly where a protection stays on, at verbosity 3 where nobody will
    /// miss it.
    pub fn log_notices(&self) {
        for notice in self.warnings() {
            tracing::warn!("{notice}");
        }
        for (name, reason) in &self.ignored.given {
            tracing::debug!("--{name}: has no effect, because {reason}");
        }
    }

    fn warnings(&self) -> Vec<String> {
        let always_on = self.ignored.always_on.iter();
        always_on.map(|name| format!("--{name}: cannot be switched off here; leave the flag out")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(flags: &[&str]) -> Vec<String> {
        Args::read(std::iter::once("x").chain(flags.iter().copied())).unwrap().warnings()
    }

    #[test]
    fn what_stays_on_is_said_loudly_and_the_rest_is_not() {
        let quiet = [
            "--profiling=false",
            "--deep-inspect",
            "--stderrthreshold=2",
            "--ssl-passthrough-proxy-port=442",
        ];
        assert_eq!(warnings(&quiet), [""; 0]);
        assert_eq!(
            warnings(&["--deep-inspect=false"]),
            ["--deep-inspect: cannot be switched off here; leave the flag out"]
        );
    }
}
