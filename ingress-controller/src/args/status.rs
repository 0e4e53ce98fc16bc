//! Flags about what is told to the cluster: status, leader election, events.

use std::time::Duration;

use clap::{ArgAction, Args};

use super::{Addresses, MaybeObject, value};

/// What is told to the cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is told to the cluster")]
#[non_exhaustive]
pub struct StatusArgs {
    /// Write the addresses at which Ingresses are reached into their status
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub update_status: bool,

    /// Service in front of us, whose addresses are written [default: the addresses of the nodes that we run on]
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true, value_parser = value::optional_service)]
    pub publish_service: MaybeObject,

    /// IP addresses or host names to write, with commas between; excludes --publish-service
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true, value_parser = value::addresses)]
    pub publish_status_address: Addresses,

    /// Where addresses of nodes are written, write the internal ones
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub report_node_internal_ip_address: bool,

    /// Empty the status when the last replica stops
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub update_status_on_shutdown: bool,

    /// Seconds between two looks whether the status is still as we wrote it, at least 5; a change is written at once
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = value::seconds)]
    pub status_update_interval: Duration,

    /// Name of the Lease, in our namespace, that the one replica holds that writes status
    #[arg(long, value_name = "NAME", default_value = "ingress-controller-leader", value_parser = value::name)]
    pub election_id: String,

    /// How long a replica leads after it was last heard of, such as 30s; zero or less is 30s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::go_duration)]
    pub election_ttl: Duration,

    /// Write status without asking who leads: for a single replica
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub disable_leader_election: bool,

    /// Make no event for each Ingress that is new or has changed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub disable_sync_events: bool,
}
