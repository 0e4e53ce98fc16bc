//! What a source could not read.

use std::fmt;

/// Something that a source could not read. Its last good content stays in use.
///
/// Displays as `shop.yaml:12:17: spec.rules[0].host: invalid type …; the last good content of this file stays in use`. Never holds the
/// content of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The file or folder, or the API server.
    pub origin: String,
    /// The line in the file, from 1, where it is known.
    pub line: Option<u64>,
    /// The column in the line, from 1, where it is known.
    pub column: Option<u64>,
    /// The field, as a path from the root of the document; empty if it is the document as a whole.
    pub field: String,
    /// What is wrong, with the value.
    pub message: String,
    /// What becomes of it, or what to do.
    pub remedy: String,
}

impl Problem {
    /// About an origin as a whole.
    pub(crate) fn new(
        origin: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (origin, message, remedy) = (origin.into(), message.into(), remedy.into());
        Self { origin, line: None, column: None, field: String::new(), message, remedy }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        f.write_str(": ")?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}
