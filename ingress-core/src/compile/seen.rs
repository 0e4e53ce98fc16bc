//! The objects of a kind as the last compile saw them: what tells one list of them from the next.

use std::sync::{Arc, Weak};

use hashbrown::{HashSet, HashTable};

/// How an object is remembered: alive, or only by its address.
pub(super) trait Handle<K>: Clone {
    /// Remembers an object.
    fn of(object: &Arc<K>) -> Self;

    /// Where it is, or was. Nobody else can have this address as long as there is the handle.
    fn address(&self) -> usize;

    /// The object, if somebody has it.
    fn get(&self) -> Option<Arc<K>>;
}

impl<K> Handle<K> for Arc<K> {
    fn of(object: &Arc<K>) -> Self {
        object.clone()
    }

    fn address(&self) -> usize {
        Arc::as_ptr(self).addr()
    }

    fn get(&self) -> Option<Arc<K>> {
        Some(self.clone())
    }
}

impl<K> Handle<K> for Weak<K> {
    fn of(object: &Arc<K>) -> Self {
        Arc::downgrade(object)
    }

    fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    fn get(&self) -> Option<Arc<K>> {
        self.upgrade()
    }
}

/// Objects with their links, by which they are found: that of their name, or that of the object that they belong to.
///
/// An object that has changed is another allocation; so a list differs from the one before where its addresses do, and nothing is looked
/// at that is the same in both.
#[derive(Debug)]
pub(super) struct Seen<K, H = Arc<K>> {
    link: fn(&K) -> u64,
    list: Vec<(H, u64)>,
    by_link: HashTable<(H, u64)>,
}

/// What a list has and the one before had not, and the other way round; an object that has changed is in both.
#[derive(Debug)]
pub(super) struct Difference<K, H = Arc<K>> {
    pub(super) gone: Vec<(H, u64)>,
    pub(super) come: Vec<(Arc<K>, u64)>,
}

impl<K, H> Default for Difference<K, H> {
    fn default() -> Self {
        Self { gone: Vec::new(), come: Vec::new() }
    }
}

impl<K, H: Handle<K>> Seen<K, H> {
    /// None yet.
    pub(super) fn new(link: fn(&K) -> u64) -> Self {
        Self { link, list: Vec::new(), by_link: HashTable::new() }
    }

    /// Takes a new list up.
    pub(super) fn follow(&mut self, list: &[Arc<K>]) -> Difference<K, H> {
        let same = |((held, _), new): &(&(H, u64), &Arc<K>)| held.address() == Arc::as_ptr(new).addr();
        let head = self.list.iter().zip(list).take_while(same).count();
        let rest = self.list.len().min(list.len()) - head;
        let tail = self.list.iter().rev().zip(list.iter().rev()).take(rest).take_while(same).count();
        let (old, new) = (head..self.list.len() - tail, head..list.len() - tail);
        let new = list.get(new).unwrap_or_default();
        let held = self.list.get(old.clone()).unwrap_or_default();
        let addresses: HashSet<usize> = new.iter().map(|object| Arc::as_ptr(object).addr()).collect();
        let before: HashSet<usize> = held.iter().map(|(held, _)| held.address()).collect();
        let gone = held.iter().filter(|(held, _)| !addresses.contains(&held.address())).cloned().collect();
        let come = new.iter().filter(|object| !before.contains(&Arc::as_ptr(object).addr()));
        let come = come.map(|object| (object.clone(), (self.link)(object))).collect();
        let entries: Vec<_> = new.iter().map(|object| (H::of(object), (self.link)(object))).collect();
        self.list.splice(old, entries);
        let difference = Difference { gone, come };
        self.index(&difference);
        difference
    }

    fn index(&mut self, difference: &Difference<K, H>) {
        for (held, link) in &difference.gone {
            let entry = self.by_link.find_entry(*link, |(other, _)| other.address() == held.address());
            if let Ok(entry) = entry {
                entry.remove();
            }
        }
        for (object, link) in &difference.come {
            self.by_link.insert_unique(*link, (H::of(object), *link), |(_, link)| *link);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// All with a link.
    pub(super) fn linked(&self, link: u64) -> impl Iterator<Item = Arc<K>> {
        let linked = self.by_link.iter_hash(link).filter(move |(_, other)| *other == link);
        linked.filter_map(|(held, _)| held.get())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_differs_is_found(lists in prop::collection::vec(prop::collection::vec(0usize..12, 0..12), 1..5)) {
            let all: Vec<_> = (0..12).map(|number: u64| Arc::new(number / 2)).collect();
            let mut seen: Seen<u64> = Seen::new(|number| *number);
            let mut weak: Seen<u64, Weak<u64>> = Seen::new(|number| *number);
            let mut before: Vec<usize> = Vec::new();
            for mut list in lists {
                let mut once = HashSet::new();
                list.retain(|number| once.insert(*number));
                let objects: Vec<_> = list.iter().map(|number| all[*number].clone()).collect();
                let difference = seen.follow(&objects);
                prop_assert_eq!(weak.follow(&objects).come.len(), difference.come.len());
                let of = |numbers: &[usize], others: &[usize]| -> Vec<usize> {
                    let only = numbers.iter().filter(|number| !others.contains(number));
                    only.map(|number| Arc::as_ptr(&all[*number]).addr()).collect()
                };
                let gone: Vec<_> = difference.gone.iter().map(|(held, _)| held.address()).collect();
                let come: Vec<_> = difference.come.iter().map(|(new, _)| Arc::as_ptr(new).addr()).collect();
                prop_assert_eq!((gone, come), (of(&before, &list), of(&list, &before)));
                for link in 0..6 {
                    let linked = list.iter().filter(|number| *all[**number] == link).count();
                    prop_assert_eq!(seen.linked(link).count(), linked);
                    prop_assert_eq!(weak.linked(link).count(), linked);
                }
                before = list;
            }
        }
    }
}
