//! Selectors of labels, as `kubectl get -l` and `--watch-namespace-selector` write them.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::report::quoted;

/// A selector of labels; the empty one picks everything. Parsed from the string form of the Kubernetes API
/// (`a=b,c!=d,e in (f,g),h notin (i),j,!k`); the parts must all hold.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One part of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    /// There is no such label.
    Missing,
    /// The label has one of these values.
    In(Vec<String>),
    /// The label has none of these values, or is not there.
    NotIn(Vec<String>),
}

/// A text that is no selector. Says which part is wrong and what a selector looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part}: {wrong}; write parts such as \"a=b\", \"a!=b\", \"a in (b,c)\", \"a notin (b,c)\", \"a\" or \"!a\", divided by commas"
)]
pub struct SelectorError {
    part: String,
    wrong: String,
}

impl Selector {
    /// True if it picks everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// True if it picks an object with these labels.
    pub fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.requirements.iter().all(|Requirement { key, test }| {
            let value = labels.and_then(|labels| labels.get(key));
            match test {
                Test::Exists => value.is_some(),
                Test::Missing => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.contains(value)),
                Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            }
        })
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let read = |part: &str| {
            requirement(part.trim()).map_err(|wrong| SelectorError { part: quoted(part.trim()), wrong })
        };
        Ok(Self { requirements: parts(text).into_iter().map(read).collect::<Result<_, _>>()? })
    }
}

/// The text between commas that are in no parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0u32;
    let divides = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    };
    text.split(divides).collect()
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let (key, test) = if let Some(key) = part.strip_prefix('!') {
        (key, Test::Missing)
    } else if let Some((head, values)) = part.split_once('(') {
        let (key, operator) = head.trim().rsplit_once(char::is_whitespace).unwrap_or((head, ""));
        let values = values.strip_suffix(')').ok_or("\")\" is missing at its end")?;
        if values.trim().is_empty() {
            return Err("there are no values between the parentheses".to_owned());
        }
        let values = values.split(',').map(value).collect::<Result<_, _>>()?;
        match operator {
            "in" => (key, Test::In(values)),
            "notin" => (key, Test::NotIn(values)),
            _ => return Err("there is neither \"in\" nor \"notin\" before the parentheses".to_owned()),
        }
    } else if let Some((key, text)) = part.split_once("!=") {
        (key, Test::NotIn(vec![value(text)?]))
    } else if let Some((key, text)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (key, Test::In(vec![value(text)?]))
    } else {
        (part, Test::Exists)
    };
    Ok(Requirement { key: self::key(key.trim())?, test })
}

/// The key of a label: a name, with a DNS name and `/` before it if wanted.
fn key(text: &str) -> Result<String, String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let label = |label: &str| {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        label.bytes().all(valid) && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_dns = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(label);
    match !name.is_empty() && is_word(name) && prefix.is_none_or(is_dns) {
        true => Ok(text.to_owned()),
        false => Err(format!("{} is no key of a label", quoted(text))),
    }
}

/// The value of a label, which may be empty.
fn value(text: &str) -> Result<String, String> {
    let text = text.trim();
    match is_word(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{} is no value of a label", quoted(text))),
    }
}

/// At most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit.
fn is_word(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().copied().all(inside) && edge(bytes.first()) && edge(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        selector.parse::<Selector>().unwrap().matches(Some(&labels))
    }

    #[test]
    fn each_form_picks_what_kubernetes_picks() {
        let shop = [("team", "shop"), ("example.com/env", "prod"), ("empty", "")];
        for selector in [
            "",
            " ",
            "team=shop",
            "team == shop",
            "team",
            "!tier",
            "! tier",
            "team!=web",
            "tier!=web",
            "team in (web, shop)",
            "team in(shop)",
            "team notin (web)",
            "tier notin (web)",
            "example.com/env=prod,team=shop , !tier",
            "empty=",
            "empty in (x,)",
        ] {
            assert!(picks(selector, &shop), "{selector}");
        }
        for selector in [
            "team=web",
            "tier",
            "!team",
            "team!=shop",
            "team in (web)",
            "team notin (shop)",
            "team=shop,tier",
        ] {
            assert!(!picks(selector, &shop), "{selector}");
        }
        let none: Selector = "a!=b,!c".parse().unwrap();
        assert!(none.matches(None) && !none.is_empty());
        assert!(!"a".parse::<Selector>().unwrap().matches(None));
        assert!(Selector::default().matches(None));
    }

    #[test]
    fn the_wrong_part_is_named() {
        for (selector, part) in [
            ("a=b,c d", "\"c d\": \"c d\" is no key of a label"),
            ("a,,b", "\"\": \"\" is no key of a label"),
            ("a,", "\"\": \"\" is no key of a label"),
            ("=b", "\"=b\": \"\" is no key of a label"),
            ("a=b=c", "\"a=b=c\": \"b=c\" is no value of a label"),
            ("a===b", "\"a===b\": \"=b\" is no value of a label"),
            ("a in (b", "\"a in (b\": \")\" is missing at its end"),
            ("a in ()", "\"a in ()\": there are no values between the parentheses"),
            ("a at (b)", "\"a at (b)\": there is neither \"in\" nor \"notin\" before the parentheses"),
            ("a in b", "\"a in b\": \"a in b\" is no key of a label"),
            ("UPPER.com/a", "\"UPPER.com/a\": \"UPPER.com/a\" is no key of a label"),
            ("a>1", "\"a>1\": \"a>1\" is no key of a label"),
        ] {
            let error = selector.parse::<Selector>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{part}; write")), "{selector}: {error}");
        }
    }
}
