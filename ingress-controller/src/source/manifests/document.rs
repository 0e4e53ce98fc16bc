//! From the text of a file to its documents, as trees without types.

use super::defect::Defect;
use super::tree::Tree;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// The documents of a text. Empty ones are left out.
pub(super) fn documents(text: &str, format: Format) -> Result<Vec<Tree<'_>>, Defect> {
    match format {
        Format::Yaml => yaml(text),
        Format::Json => json(text),
    }
}

/// No part of a text is much smaller than this.
const PART: usize = 256 << 10;

/// A text in parts of whole documents, each to be read on its own.
///
/// A line that begins with three dashes begins a document wherever it stands: not even a quoted text may have one. A text with directives is
/// left whole, since they are for the document that follows.
pub(super) fn parts(text: &str) -> Vec<&str> {
    if text.len() <= PART || text.starts_with('%') || text.contains("\n%") {
        return vec![text];
    }
    let mut parts = Vec::new();
    let mut rest = text;
    let mut from = PART;
    while let Some(tail) = rest.as_bytes().get(from..) {
        let Some(dashes) = find(tail, b"\n---") else { break };
        let start = from + dashes + 1;
        let is_marker = rest.as_bytes().get(start + 3).is_none_or(u8::is_ascii_whitespace);
        match rest.split_at_checked(start).filter(|_| is_marker) {
            Some((part, after)) => {
                parts.push(part);
                (rest, from) = (after, PART);
            }
            None => from = start,
        }
    }
    parts.push(rest);
    parts
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn yaml(text: &str) -> Result<Vec<Tree<'_>>, Defect> {
    serde_saphyr::from_multiple_with_options(text, options(text)).map_err(|error| {
        let (line, column) = match error.location() {
            Some(at) if at.line() > 0 => (Some(at.line()), Some(at.column())),
            _ => (None, None),
        };
        Defect { line, column, field: String::new(), message: yaml_message(text, line, &error) }
    })
}

/// Bounds that grow with the file, and no excerpts in errors: they could show a Secret.
pub(super) fn options(text: &str) -> serde_saphyr::Options {
    let most = text.len().saturating_mul(4).saturating_add(1000);
    serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_documents: most, max_nodes: most, max_events: most },
    }
}

fn yaml_message(text: &str, line: Option<u64>, error: &serde_saphyr::Error) -> String {
    // The kind is not known here, so a word anywhere in the file is taken as a sign that this may be a Secret's content.
    if text.contains("Secret") {
        return "is no valid YAML here (not shown in detail, since the file may hold a Secret)".into();
    }
    let templated = line
        .and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?))
        .is_some_and(|line| line.contains("{{"));
    if templated {
        return "is no valid YAML here, but a template that was not rendered".into();
    }
    match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} is written twice")
        }
        other => {
            let message = other.to_string();
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            format!("is no valid YAML here: {message}")
        }
    }
}

fn json(text: &str) -> Result<Vec<Tree<'_>>, Defect> {
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Tree<'_>>() {
        match document {
            Ok(Tree::Null) => {}
            Ok(value) => documents.push(value),
            Err(error) => {
                let message = error.to_string();
                let message =
                    message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
                return Err(Defect {
                    line: u64::try_from(error.line()).ok(),
                    column: u64::try_from(error.column()).ok(),
                    field: String::new(),
                    message: format!("is no valid JSON here: {message}"),
                });
            }
        }
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn values(text: &str, format: Format) -> Vec<Value> {
        documents(text, format).unwrap().iter().map(Tree::to_value).collect()
    }

    fn message(text: &str, format: Format) -> String {
        documents(text, format).unwrap_err().to_string()
    }

    #[test]
    fn empty_documents_are_left_out() {
        let documents = values("---\n# nothing\n---\na: 1\n---\n\n---\nb: yes\n", Format::Yaml);
        assert_eq!(documents, [json!({"a": 1}), json!({"b": true})]);
        assert_eq!(values("", Format::Yaml), Vec::<Value>::new());
        assert_eq!(values("", Format::Json), Vec::<Value>::new());
    }

    #[test]
    fn several_json_documents_stand_in_one_file() {
        let documents = values("{\"a\": 1}\n{\"b\": 2, \"b\": 3} null", Format::Json);
        assert_eq!(documents, [json!({"a": 1}), json!({"b": 3})]);
    }

    #[test]
    fn broken_text_is_named_by_line_and_column() {
        assert_eq!(
            message("a: b: c\n", Format::Yaml),
            "1:5: is no valid YAML here: mapping values are not allowed in this context"
        );
        assert_eq!(
            message("a: 1\nb:\n  c: 1\n  c: 2\n", Format::Yaml),
            "4:3: the key \"c\" is written twice"
        );
        assert_eq!(message("{\"a\": 1,\n}", Format::Json), "2:1: is no valid JSON here: trailing comma");
    }

    #[test]
    fn a_template_is_called_one() {
        assert_eq!(
            message("kind: Service\nname: {{ .Release.Name }}\n", Format::Yaml),
            "2:8: is no valid YAML here, but a template that was not rendered"
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        for text in ["kind: Secret\nstringData:\n  pw: \"hunter2\n", "kind: Secret\nhunter2: 1\nhunter2: 2\n"]
        {
            let message = message(text, Format::Yaml);
            assert!(message.contains("3:") && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn many_documents_are_fine_and_an_alias_bomb_is_not() {
        let many = "a: [1, 2]\n---\n".repeat(50_000);
        assert_eq!(documents(&many, Format::Yaml).unwrap().len(), 50_000);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        assert!(documents(&bomb, Format::Yaml).is_err());
    }
}
