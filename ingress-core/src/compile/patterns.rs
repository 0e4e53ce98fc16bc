//! Regular expressions: compiling one, or finding out that it is none, takes longer than all else of an Ingress, so each is kept.

use hashbrown::HashMap;

use crate::tls::Pattern;

/// The expressions of one compile, and what the last one left.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    held: HashMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    used: bool,
    pattern: Result<Pattern, String>,
}

impl Patterns {
    /// The compiled expression, or why it is none.
    pub(super) fn get(&mut self, text: &str) -> Result<Pattern, String> {
        let compile = || Held { used: true, pattern: Pattern::new(text) };
        let held = self.held.entry_ref(text).or_insert_with(compile);
        held.used = true;
        held.pattern.clone()
    }

    /// What is worth keeping for the next compile.
    pub(super) fn used(mut self) -> Self {
        self.held.retain(|_, held| std::mem::take(&mut held.used));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_kept_and_nothing_else() {
        let mut patterns = Patterns::default();
        for text in ["CN=a", "CN=("] {
            assert_eq!(patterns.get(text), Pattern::new(text));
        }
        let mut patterns = patterns.used();
        assert!(patterns.held.len() == 2 && patterns.get("CN=(").is_err());
        let patterns = patterns.used();
        assert_eq!(patterns.held.keys().collect::<Vec<_>>(), ["CN=("]);
    }
}
