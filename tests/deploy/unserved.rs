//! What the chart refuses is what this version does not serve: whoever adds it takes it from the chart's list.

use ingress_controller::args::{Args, NoArgs};

use crate::objects::path;

/// The names of one list in the chart.
fn listed(list: &str) -> Vec<String> {
    let text =
        std::fs::read_to_string(path("deploy/helm/ingress-controller/templates/_unserved.tpl")).unwrap();
    let (_, rest) = text.split_once(&format!("define \"{list}\"")).unwrap();
    let (body, _) = rest.split_once("toJson").unwrap();
    let names: Vec<_> = body.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(names.len() > 3 && names.is_sorted(), "{list}: {names:?}");
    names
}

#[test]
fn refused_flags_are_those_that_the_program_does_not_have() {
    for flag in listed("ingress.unservedFlags") {
        let read = Args::read(["ingress-controller".to_owned(), format!("--{flag}=1")]);
        let Err(NoArgs::Wrong(message)) = read else {
            panic!("--{flag} is there: take it from the chart's list")
        };
        assert!(message.contains(&flag), "{message}");
    }
}

/// The keys that would close all paths, and the directives that are never run.
#[test]
fn refused_keys_are_those_that_would_close_all_paths() {
    use ingress_core::config_map::{Effect, TABLE};

    let refused =
        |effect| matches!(effect, Effect::Guard | Effect::Snippet | Effect::HttpSnippet | Effect::Refused);
    let keys = TABLE.iter().filter(|key| refused(key.effect) && key.name != "allow-snippet-annotations");
    let mut expected: Vec<_> = keys.map(|key| key.name.to_owned()).collect();
    expected.sort();
    assert_eq!(listed("ingress.unservedKeys"), expected);
}
