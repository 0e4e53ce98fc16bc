//! Metrics of the admission webhook.

use std::collections::BTreeMap;
use std::time::Duration;

use super::text::{Kind, Labels, Text};

/// How many Ingresses are told apart: anybody who reaches the webhook can make names up. Beyond that the counts begin anew, which a rate
/// of a counter allows for.
const MOST_INGRESSES: usize = 1_000;

/// One call of the webhook.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    /// Namespace of the Ingress.
    pub(crate) namespace: String,
    /// Name of the Ingress.
    pub(crate) name: String,
    /// Whether it was refused.
    pub(crate) refused: bool,
    /// How long the verdict took.
    pub(crate) judged: Duration,
    /// How long the call took, from its head to the answer.
    pub(crate) roundtrip: Duration,
    /// Bytes that were sent.
    pub(crate) size: u64,
}

/// All calls.
#[derive(Debug, Default)]
pub(super) struct Webhook {
    checks: BTreeMap<(String, String), (u64, u64)>,
    last: Option<Checked>,
}

impl Webhook {
    pub(super) fn checked(&mut self, checked: Checked) {
        let key = (label(&checked.namespace), label(&checked.name));
        if self.checks.len() >= MOST_INGRESSES && !self.checks.contains_key(&key) {
            self.checks.clear();
        }
        let (success, errors) = self.checks.entry(key).or_default();
        *(if checked.refused { errors } else { success }) += 1;
        self.last = Some(checked);
    }

    pub(super) fn write(&self, text: &mut Text) {
        let good = "Calls of the admission webhook that accepted the Ingress";
        let bad = "Calls of the admission webhook that refused the Ingress";
        for (name, help, refused) in [("check_success", good, false), ("check_errors", bad, true)] {
            let mut family = text.family(name, Kind::Counter, help);
            for ((namespace, ingress), (success, errors)) in &self.checks {
                let number = if refused { *errors } else { *success };
                if number > 0 {
                    let labels = Labels::default().with("namespace", namespace).with("ingress", ingress);
                    family.count(labels.as_str(), number);
                }
            }
        }
        let Some(last) = &self.last else { return };
        for (name, help, value) in [
            ("admission_tested_ingresses", "Ingresses that the last call judged", 1.0),
            ("admission_tested_duration", "Seconds that the last verdict took", last.judged.as_secs_f64()),
            ("admission_render_ingresses", "Always 0: nothing is rendered", 0.0),
            ("admission_render_duration", "Always 0: nothing is rendered", 0.0),
            ("admission_config_size", "Bytes of the last call", last.size as f64),
            ("admission_roundtrip_duration", "Seconds that the last call took", last.roundtrip.as_secs_f64()),
        ] {
            text.family(name, Kind::Gauge, help).value("", value);
        }
    }
}

/// A name as a label: what cannot be the name of an object is left out.
fn label(name: &str) -> String {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_name = (1..=253).contains(&name.len()) && name.bytes().all(valid);
    if is_name { name.to_owned() } else { "-".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, refused: bool) -> Checked {
        let time = Duration::from_millis(250);
        let (namespace, name) = ("shop".to_owned(), name.to_owned());
        Checked { namespace, name, refused, judged: time, roundtrip: time * 2, size: 7 }
    }

    fn written(webhook: &Webhook) -> String {
        let mut text = Text::new(Labels::default(), 0);
        webhook.write(&mut text);
        text.finish()
    }

    #[test]
    fn calls_are_counted_by_ingress_and_verdict() {
        let mut webhook = Webhook::default();
        assert_eq!(written(&webhook), "");
        for (name, refused) in [("web", false), ("web", true), ("web", true), ("a\"\n", true)] {
            webhook.checked(call(name, refused));
        }
        let text = written(&webhook);
        for line in [
            "check_success{namespace=\"shop\",ingress=\"web\"} 1",
            "check_errors{namespace=\"shop\",ingress=\"web\"} 2",
            "check_errors{namespace=\"shop\",ingress=\"-\"} 1",
            "admission_tested_duration 0.25",
            "admission_roundtrip_duration 0.5",
            "admission_config_size 7",
        ] {
            assert!(text.contains(&format!("\nnginx_ingress_controller_{line}\n")), "{line}: {text}");
        }
    }

    #[test]
    fn made_up_names_do_not_add_up() {
        let mut webhook = Webhook::default();
        for number in 0..3 * MOST_INGRESSES {
            webhook.checked(call(&format!("x{number}"), true));
        }
        webhook.checked(call("web", true));
        assert!(webhook.checks.len() <= MOST_INGRESSES);
        assert!(written(&webhook).contains("ingress=\"web\"} 1\n"));
    }
}
