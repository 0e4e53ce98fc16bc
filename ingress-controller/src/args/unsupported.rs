//! The flags of ingress-nginx that this version does not have.

/// Without the leading dashes, in alphabetical order; and what to do.
const FLAGS: &[(&str, &str)] = &[
    ("enable-ssl-chain-completion", CHAIN),
    ("enable-topology-aware-routing", YET),
    ("maxmind-edition-ids", YET),
    ("maxmind-license-key", YET),
    ("maxmind-mirror", YET),
    ("maxmind-retries-count", YET),
    ("maxmind-retries-timeout", YET),
];

const YET: &str = "this flag of ingress-nginx is not supported by this version yet; leave it out";

/// Whoever may write a certificate could have us call any address, which is why this is not to come.
const CHAIN: &str = "nothing is fetched from the addresses that certificates name; leave the flag out and put the whole chain into \
                     tls.crt of the Secret";

/// What is to be said about a flag of ingress-nginx, as `--name`, that there is not here.
pub(super) fn advice(flag: &str) -> Option<&'static str> {
    let name = flag.strip_prefix("--")?;
    FLAGS.iter().find(|(known, _)| *known == name).map(|(_, advice)| *advice)
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
            assert_eq!(advice(&format!("--{flag}")), None, "{flag} is supported");
        }
        assert!(advice("--maxmind-mirror").is_some() && advice("--maxmind-mirrors").is_none());
    }
}
