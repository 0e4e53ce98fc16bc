//! `ssl-redirect`, `force-ssl-redirect`, `preserve-trailing-slash`, `use-port-in-redirects`.

use super::{Invalid, Values, value};
use crate::policy::HttpsRules;
use crate::value::boolean;

/// Reads when plain requests are redirected to HTTPS. What cannot be read is as if it were not there: then `default` holds for it, and for
/// it alone (ingress-nginx drops all redirects of the Ingress then).
#[must_use]
pub fn https(values: &Values, default: HttpsRules) -> (HttpsRules, Vec<Invalid>) {
    let mut rules = default;
    let mut invalid = Vec::new();
    let fields = [
        ("ssl-redirect", &mut rules.with_certificate),
        ("force-ssl-redirect", &mut rules.always),
        ("preserve-trailing-slash", &mut rules.redirect.preserve_trailing_slash),
        ("use-port-in-redirects", &mut rules.name_port),
    ];
    for (name, field) in fields {
        match value(values, name).map(|text| boolean(text).ok_or(text)) {
            None => {}
            Some(Ok(on)) => *field = on,
            Some(Err(text)) => invalid.push(Invalid::new(name, "true or false", text)),
        }
    }
    (rules, invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::PREFIX;

    fn read(pairs: &[(&str, &str)]) -> (HttpsRules, Vec<&'static str>) {
        let values = pairs.iter().map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned()));
        let (rules, invalid) = https(&values.collect(), HttpsRules::default());
        (rules, invalid.iter().map(|invalid| invalid.name).collect())
    }

    #[test]
    fn each_is_read_for_itself() {
        assert_eq!(read(&[]), (HttpsRules::default(), vec![]));
        let (rules, invalid) = read(&[
            ("ssl-redirect", "F"),
            ("force-ssl-redirect", "1"),
            ("preserve-trailing-slash", "true"),
            ("use-port-in-redirects", "TRUE"),
        ]);
        assert_eq!((rules.with_certificate, rules.always, rules.name_port), (false, true, true));
        assert!(rules.redirect.preserve_trailing_slash && invalid.is_empty());
    }

    #[test]
    fn nonsense_leaves_its_own_default_and_nothing_else() {
        let (rules, invalid) = read(&[("force-ssl-redirect", "true"), ("ssl-redirect", "yes")]);
        assert_eq!((rules.with_certificate, rules.always), (true, true));
        assert_eq!(invalid, ["ssl-redirect"]);
        assert_eq!(read(&[("use-port-in-redirects", "")]).1, ["use-port-in-redirects"]);
    }
}
