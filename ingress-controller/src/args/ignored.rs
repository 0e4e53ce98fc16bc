//! Flags of ingress-nginx that change nothing here. They are accepted, so that its manifests start this program too, and do not show in
//! the help.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::value;

/// The flags of the command line that change nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Each with the reason, in the order of the table.
    pub(super) given: Vec<(&'static str, &'static str)>,
    /// Protections that were to be switched off, and are on all the same.
    pub(super) always_on: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Switch,
    /// A switch for a protection that is always on.
    AlwaysOn,
    Value,
}

const LOGS: &str = "logs go to standard error";
const NGINX: &str = "there is no nginx here";
const PROFILER: &str = "there is no profiler here";
const ADMISSION: &str = "it is decided by the same code as what is served";

/// Name, kind, and why it changes nothing.
const FLAGS: &[(&str, Kind, &str)] = &[
    ("add_dir_header", Kind::Switch, LOGS),
    ("alsologtostderr", Kind::Switch, LOGS),
    ("bucket-factor", Kind::Value, "native histograms are not served"),
    ("deep-inspect", Kind::AlwaysOn, ADMISSION),
    ("default-server-port", Kind::Value, "the default backend needs no port"),
    ("disable-full-test", Kind::Switch, ADMISSION),
    ("dynamic-configuration-retries", Kind::Value, NGINX),
    ("enable-annotation-validation", Kind::AlwaysOn, ADMISSION),
    ("health-check-timeout", Kind::Value, "the health check waits for nobody"),
    ("internal-logger-address", Kind::Value, NGINX),
    ("log_backtrace_at", Kind::Value, LOGS),
    ("log_dir", Kind::Value, LOGS),
    ("log_file", Kind::Value, LOGS),
    ("log_file_max_size", Kind::Value, LOGS),
    ("logtostderr", Kind::Switch, LOGS),
    ("max-buckets", Kind::Value, "native histograms are not served"),
    ("monitor-max-batch-size", Kind::Value, "every request is counted"),
    ("one_output", Kind::Switch, LOGS),
    ("profiler-address", Kind::Value, PROFILER),
    ("profiler-port", Kind::Value, PROFILER),
    ("profiling", Kind::Switch, PROFILER),
    ("skip_headers", Kind::Switch, LOGS),
    ("skip_log_headers", Kind::Switch, LOGS),
    ("ssl-passthrough-proxy-port", Kind::Value, "what is passed through and what is not share one port"),
    ("status-port", Kind::Value, NGINX),
    ("stderrthreshold", Kind::Value, LOGS),
    ("stream-port", Kind::Value, NGINX),
    ("sync-period", Kind::Value, "objects are watched, never polled"),
    ("sync-rate-limit", Kind::Value, "a change is served as soon as no other follows it"),
    ("vmodule", Kind::Value, LOGS),
];

impl Args for Ignored {
    fn augment_args(command: Command) -> Command {
        FLAGS.iter().fold(command, |command, &(name, kind, _)| {
            let arg = Arg::new(name).long(name).hide(true).action(ArgAction::Set);
            command.arg(match kind {
                Kind::Value => arg,
                Kind::Switch | Kind::AlwaysOn => arg
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true")
                    .value_parser(value::switch),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Ignored {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut ignored = Self::default();
        for &(name, kind, reason) in FLAGS {
            if matches.value_source(name) != Some(ValueSource::CommandLine) {
                continue;
            }
            ignored.given.push((name, reason));
            if kind == Kind::AlwaysOn && matches.get_one(name) == Some(&false) {
                ignored.always_on.push(name);
            }
        }
        Ok(ignored)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FLAGS.is_sorted_by_key(|(name, ..)| name));
    }
}
