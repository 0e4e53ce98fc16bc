//! The paths of a host, and the search for the longest that a request's path is at or below.

use std::cmp::Ordering;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::rank::{Node, owner};
use super::{BuildError, Route};

/// From a path to the position of a route in the list of its host.
///
/// It knows paths only, so hosts with the same paths share one: most hosts of a large table look alike, and what many requests look into
/// stays in the cache of the processor.
///
/// The paths stand without the slash at their end, each once, in an order in which all that is below a path follows it at once. So of all
/// paths that a request's path is below, the longest is the last one that does not come after it, or one that this is below in turn.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Paths {
    text: Box<[u8]>,
    entries: Box<[Entry]>,
}

/// A path, and which routes it leads to.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Entry {
    /// Where it stands in the text.
    start: u32,
    end: u32,
    /// The longest other path that it is below.
    above: u32,
    /// Who owns the path itself, the path with a slash, and what is below.
    owners: [u32; 3],
}

/// No entry, no route.
const NONE: u32 = u32::MAX;

impl Paths {
    fn build(routes: &[Arc<Route>]) -> Result<Self, BuildError> {
        let mut order: Vec<_> = (0u32..NONE).zip(routes).collect();
        order.sort_by(|(_, a), (_, b)| compare(a.path.base(), b.path.base()).0);
        let (mut text, mut entries): (Vec<u8>, Vec<Entry>) = (Vec::new(), Vec::new());
        let mut last: &[u8] = &[];
        for (index, route) in order {
            let base = route.path.base();
            if entries.is_empty() || base != last {
                let above = above(&text, &entries, base);
                let start = u32::try_from(text.len()).map_err(|_| BuildError::too_large(route))?;
                text.extend_from_slice(base);
                let end = u32::try_from(text.len()).map_err(|_| BuildError::too_large(route))?;
                entries.push(Entry { start, end, above, owners: [NONE; 3] });
                last = base;
            }
            let Some(entry) = entries.last_mut() else { continue };
            for node in route.path.nodes() {
                let place = entry.place(*node);
                let wins = match routes.get(*place as usize) {
                    None => Ordering::Greater,
                    Some(held) => owner(*node, &route.path, &held.path),
                };
                match wins {
                    Ordering::Greater => *place = index,
                    Ordering::Less => {}
                    Ordering::Equal => return Err(BuildError::duplicate(route)),
                }
            }
        }
        Ok(Self { text: text.into(), entries: entries.into() })
    }

    /// The position of the route for a normalised path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let path = path.as_bytes();
        if path.first() != Some(&b'/') {
            return None;
        }
        let (mut low, mut high) = (0, self.entries.len());
        let (mut at, mut common) = (NONE as usize, 0);
        while low < high {
            let middle = low.midpoint(high);
            let (order, equal) = compare(self.entries.get(middle)?.text(&self.text), path);
            if order == Ordering::Greater {
                high = middle;
            } else {
                (low, at, common) = (middle + 1, middle, equal);
            }
        }
        loop {
            let entry = self.entries.get(at)?;
            // What is above it begins as it does, so no path has to be looked at again.
            let length = (entry.end - entry.start) as usize;
            let node = match path.get(length..).filter(|_| length <= common) {
                Some([]) => Some(Node::Bare),
                Some([b'/']) => Some(Node::Slash),
                Some([b'/', ..]) => Some(Node::Below),
                _ => None,
            };
            match node.map(|node| entry.owner(node)) {
                None | Some(NONE) => at = entry.above as usize,
                Some(route) => return Some(route as usize),
            }
        }
    }
}

impl Entry {
    fn text<'t>(&self, all: &'t [u8]) -> &'t [u8] {
        all.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    fn owner(&self, node: Node) -> u32 {
        let [bare, slash, below] = self.owners;
        match node {
            Node::Bare => bare,
            Node::Slash => slash,
            Node::Below => below,
        }
    }

    fn place(&mut self, node: Node) -> &mut u32 {
        let [bare, slash, below] = &mut self.owners;
        match node {
            Node::Bare => bare,
            Node::Slash => slash,
            Node::Below => below,
        }
    }
}

/// The longest path of the entries so far that one is below: the last, or one that this is below.
fn above(text: &[u8], entries: &[Entry], path: &[u8]) -> u32 {
    let mut at = u32::try_from(entries.len()).unwrap_or(NONE).wrapping_sub(1);
    while let Some(entry) = entries.get(at as usize) {
        if path.strip_prefix(entry.text(text)).is_some_and(|rest| rest.first() == Some(&b'/')) {
            return at;
        }
        at = entry.above;
    }
    NONE
}

/// Orders paths by their bytes, of which `/` is the least; and tells how many bytes they have in common.
fn compare(a: &[u8], b: &[u8]) -> (Ordering, usize) {
    let rank = |byte: &u8| (*byte != b'/', *byte);
    match a.iter().zip(b).enumerate().find(|(_, (a, b))| a != b) {
        Some((equal, (a, b))) => (rank(a).cmp(&rank(b)), equal),
        None => (a.len().cmp(&b.len()), a.len().min(b.len())),
    }
}

/// The paths of many hosts, each set of them once.
#[derive(Debug, Default)]
pub(crate) struct PathSets {
    held: HashSet<Arc<Paths>, FixedState>,
    /// How many there were after the last look at which of them are in use.
    looked: usize,
}

impl PathSets {
    /// The paths of routes.
    pub(super) fn get(&mut self, routes: &[Arc<Route>]) -> Result<Arc<Paths>, BuildError> {
        let paths = Paths::build(routes)?;
        if let Some(held) = self.held.get(&paths) {
            return Ok(held.clone());
        }
        self.drop_unused();
        let paths = Arc::new(paths);
        self.held.insert(paths.clone());
        Ok(paths)
    }

    /// Looks again when there are twice as many, so that it takes no time to speak of.
    fn drop_unused(&mut self) {
        if self.held.len() > 2 * self.looked + 64 {
            self.held.retain(|paths| Arc::strong_count(paths) > 1);
            self.looked = self.held.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Backend, HostPattern, PathPattern};

    #[test]
    fn sets_that_nobody_uses_are_dropped() {
        let route = |number: usize| {
            let path = PathPattern::prefix(&format!("/{number}")).unwrap();
            [Arc::new(Route::new(HostPattern::Any, path, Backend::Upstream("u".into())))]
        };
        let mut sets = PathSets::default();
        let used = sets.get(&route(0)).unwrap();
        for number in 1..1000 {
            sets.get(&route(number)).unwrap();
        }
        assert!(sets.held.len() < 200, "{}", sets.held.len());
        assert!(Arc::ptr_eq(&used, &sets.get(&route(0)).unwrap()));
    }
}
