//! Regular expressions: compiling one, or finding out that it is none, takes longer than all else of an Ingress, so each is kept.

use hashbrown::HashMap;

use crate::tls::Pattern;

/// The expressions of one compile, and what the last one left.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    held: HashMap<String, Held>,
    /// How many were used by the last compile of everything.
    used: usize,
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

    /// A compile of everything begins.
    pub(super) fn begin(&mut self) {
        self.held.values_mut().for_each(|held| held.used = false);
    }

    /// Drops what was not used since it began.
    pub(super) fn drop_unused(&mut self) {
        self.held.retain(|_, held| held.used);
        self.used = self.held.len();
    }

    /// Drops all where many have come since: which of them are used is not known.
    pub(super) fn drop_if_many(&mut self) {
        if self.held.len() > 2 * self.used + 64 {
            self.held.clear();
        }
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
        patterns.drop_unused();
        assert_eq!(patterns.held.len(), 2);
        patterns.begin();
        assert!(patterns.get("CN=(").is_err());
        patterns.drop_unused();
        assert_eq!(patterns.held.keys().collect::<Vec<_>>(), ["CN=("]);
    }

    #[test]
    fn what_comes_in_parts_does_not_pile_up() {
        let mut patterns = Patterns::default();
        for number in 0..1000 {
            patterns.get(&number.to_string()).unwrap();
            patterns.drop_if_many();
        }
        assert!(patterns.held.len() < 100);
    }
}
