//! The trie that finds the longest path.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::rank::owner;
use super::{BuildError, PathPattern, Route};

/// From a path to the position of a route in the list of its host.
///
/// It knows paths only, so hosts with the same paths share one: most hosts of a large table look alike, and a trie that many requests use
/// stays in the cache of the processor.
#[derive(Debug)]
pub(super) struct Trie {
    /// The paths from which it is made, in order.
    paths: Box<[PathPattern]>,
    hash: u64,
    router: matchit::Router<u32>,
}

impl Trie {
    /// The routes are ordered by path.
    fn build(routes: &[Arc<Route>], hash: u64) -> Result<Self, BuildError> {
        let mut nodes = BTreeMap::new();
        for (index, route) in (0u32..).zip(routes) {
            for (node, text) in route.path.nodes() {
                let wins = match nodes.get(&text).and_then(|held: &u32| routes.get(*held as usize)) {
                    None => Ordering::Greater,
                    Some(held) => owner(node, &route.path, &held.path),
                };
                match wins {
                    Ordering::Greater => drop(nodes.insert(text, index)),
                    Ordering::Less => {}
                    Ordering::Equal => return Err(BuildError::duplicate(route)),
                }
            }
        }
        let mut router = matchit::Router::new();
        for (text, index) in nodes {
            router.insert(text, index).map_err(|error| BuildError::Trie(error.to_string()))?;
        }
        Ok(Self { paths: routes.iter().map(|route| route.path.clone()).collect(), hash, router })
    }

    /// The position of the route for a normalised path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        Some(*self.router.at(path).ok()?.value as usize)
    }

    fn is_of(&self, routes: &[Arc<Route>]) -> bool {
        self.paths.iter().map(PathPattern::key).eq(routes.iter().map(|route| route.path.key()))
    }
}

/// The tries of a table, each once.
#[derive(Debug, Default)]
pub(super) struct Tries {
    tries: HashTable<Arc<Trie>>,
}

impl Tries {
    /// The trie for routes that are ordered by path: one that is here or in an earlier table, else a new one.
    pub(super) fn get(&mut self, routes: &[Arc<Route>], earlier: &Self) -> Result<Arc<Trie>, BuildError> {
        let keys: Vec<_> = routes.iter().map(|route| route.path.key()).collect();
        let hash = FixedState::default().hash_one(keys);
        let held = |tries: &Self| tries.tries.find(hash, |trie| trie.is_of(routes)).cloned();
        let trie = match held(self) {
            Some(trie) => return Ok(trie),
            None => match held(earlier) {
                Some(trie) => trie,
                None => Arc::new(Trie::build(routes, hash)?),
            },
        };
        self.insert(&trie);
        Ok(trie)
    }

    /// Keeps a trie that is in use.
    pub(super) fn insert(&mut self, trie: &Arc<Trie>) {
        if self.tries.find(trie.hash, |held| Arc::ptr_eq(held, trie)).is_none() {
            self.tries.insert_unique(trie.hash, trie.clone(), |trie| trie.hash);
        }
    }
}
