//! What is wrong in a file.

use std::fmt;

/// One defect of a file: where, which field, what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Defect {
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    pub(super) field: String,
    pub(super) message: String,
}

impl Defect {
    /// A defect of the file as a whole.
    pub(super) fn of_file(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}
