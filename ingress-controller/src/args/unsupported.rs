//! The flags of ingress-nginx that this version does not have.

/// Without the leading dashes, in alphabetical order.
const FLAGS: &[&str] = &[
    "enable-ssl-chain-completion",
    "enable-ssl-passthrough",
    "enable-topology-aware-routing",
    "maxmind-edition-ids",
    "maxmind-license-key",
    "maxmind-mirror",
    "maxmind-retries-count",
    "maxmind-retries-timeout",
    "ssl-passthrough-proxy-port",
];

/// True for a flag of ingress-nginx, as `--name`.
pub(super) fn is_of_ingress_nginx(flag: &str) -> bool {
    flag.strip_prefix("--").is_some_and(|name| FLAGS.binary_search(&name).is_ok())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_holds_no_flag_that_there_is() {
        assert!(FLAGS.is_sorted());
        let command = crate::args::Args::command();
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(!FLAGS.contains(&flag), "{flag} is supported");
        }
        assert!(is_of_ingress_nginx("--maxmind-mirror") && !is_of_ingress_nginx("--maxmind-mirrors"));
    }
}
