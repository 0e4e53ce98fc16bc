//! Where objects come from. A source holds the newest state of its objects and says when there is a newer one; it neither compiles nor
//! publishes.

pub(crate) mod kube;
pub(crate) mod manifests;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;

use ingress_core::Objects;

/// A source of objects.
pub(crate) trait Source {
    /// Waits until there may be something new since the last [`load`](Self::load). Nothing is lost if it is dropped while it waits.
    fn changed(&mut self) -> impl Future<Output = ()>;

    /// All objects of this moment, and what could not be read.
    fn load(&mut self) -> Loaded;
}

/// What a source knows at one moment.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The objects.
    pub(crate) objects: Objects,
    /// What could not be read, in a fixed order.
    pub(crate) problems: Vec<Problem>,
}

/// Something that a source could not read. Its last good content stays in use.
///
/// Displays as `shop.yaml:12:17: spec.rules[0].host: invalid type …; the last good content of this file stays in use`. Never holds the
/// content of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The file or folder.
    pub path: PathBuf,
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
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
