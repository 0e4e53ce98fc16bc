//! The program takes the flags that the pods pass.

use std::time::Duration;

use ingress_controller::RunConfig;
use ingress_controller::args::{Args, NoArgs};

use crate::objects::read_all;

/// As the program resolves them; outside a pod the cluster has to be named.
fn resolve(flags: &[String]) -> Result<RunConfig, String> {
    let all = ["ingress-controller", "--kubeconfig=/nowhere"]
        .into_iter()
        .map(String::from)
        .chain(flags.iter().cloned());
    match Args::read(all) {
        Ok(args) => RunConfig::from_args(&args).map_err(|error| error.to_string()),
        Err(NoArgs::Wrong(message) | NoArgs::Print(message)) => Err(message),
    }
}

#[test]
fn every_flag_is_one_of_the_program() {
    for objects in read_all() {
        if let Err(why) = resolve(&objects.flags()) {
            panic!("{}: {why}", objects.file);
        }
    }
    assert!(resolve(&["--publish-services=a/b".into()]).is_err());
}

#[test]
fn the_flags_say_what_the_values_asked_for() {
    for objects in read_all() {
        let config = resolve(&objects.flags()).unwrap();
        let file = objects.file;
        assert_eq!(config.webhook.is_some(), file.contains("default") || file.contains("existing"), "{file}");
        assert!(config.options.config_map.is_some(), "{file}: no --configmap");
        // Kubernetes kills what has not stopped by then.
        let longest = config.shutdown_grace_period
            + config.worker_shutdown_timeout.unwrap_or(Duration::from_secs(240))
            + config.post_shutdown_grace_period;
        let given =
            objects.controller()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();
        assert!(longest.as_secs() <= given.unwrap(), "{file}: {longest:?} do not fit in {given:?}");
        assert!(config.shutdown_grace_period.as_secs() >= 10, "{file}");
    }
}
