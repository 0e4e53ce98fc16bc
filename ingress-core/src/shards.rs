//! A map that shares what is the same with its copies.
//!
//! A snapshot with one change in tens of thousands of entries is a copy of the one before: here a copy takes over all shards, and a change
//! copies the one that it is in. So neither time nor memory of a change grows much with the table, and two tables of which one came of the
//! other are compared by looking at what they do not share.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// A value that knows its key: looking at the key has the value at hand.
pub(crate) trait Keyed {
    /// What it is looked up by.
    type Key: Hash + Eq + ?Sized;

    /// The key.
    fn key(&self) -> &Self::Key;
}

/// Values by their keys. An empty one has no shards.
pub(crate) struct Shards<V> {
    shards: Box<[Arc<HashTable<V>>]>,
    len: usize,
}

/// How many shards there are: a copy costs as many reference counts, a change as many entries as a shard has.
const COUNT: usize = 256;

impl<V: Keyed> Shards<V> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &V::Key) -> Option<&V> {
        let hash = hash(key);
        self.shards.get(place(hash))?.find(hash, |value| value.key() == key)
    }

    /// All values, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values that another map does not share, in no particular order: those of a shared shard are not looked at.
    pub(crate) fn unshared<'m>(&'m self, other: &'m Self) -> impl Iterator<Item = &'m V> {
        let shards = self.shards.iter().enumerate();
        let differ = move |(at, shard): &(usize, &Arc<HashTable<V>>)| {
            other.shards.get(*at).is_none_or(|theirs| !Arc::ptr_eq(shard, theirs))
        };
        shards.filter(differ).flat_map(|(_, shard)| shard.iter())
    }
}

impl<V: Keyed + Clone> Shards<V> {
    /// Puts a value in, and gives back the one that was in its place.
    pub(crate) fn insert(&mut self, value: V) -> Option<V> {
        if self.shards.is_empty() {
            self.shards = vec![Arc::default(); COUNT].into();
        }
        let hash = hash(value.key());
        let shard = Arc::make_mut(self.shards.get_mut(place(hash))?);
        match shard.find_mut(hash, |held| held.key() == value.key()) {
            Some(held) => Some(std::mem::replace(held, value)),
            None => {
                shard.insert_unique(hash, value, |value| self::hash(value.key()));
                self.len += 1;
                None
            }
        }
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, key: &V::Key) -> Option<V> {
        self.get(key)?;
        let hash = hash(key);
        let shard = Arc::make_mut(self.shards.get_mut(place(hash))?);
        let (value, _) = shard.find_entry(hash, |value| value.key() == key).ok()?.remove();
        self.len -= 1;
        Some(value)
    }
}

fn hash(key: &(impl Hash + ?Sized)) -> u64 {
    FixedState::default().hash_one(key)
}

/// The shard of a hash. The tables themselves look at the bits at both ends.
fn place(hash: u64) -> usize {
    usize::from(hash.to_le_bytes()[6])
}

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self { shards: Box::default(), len: 0 }
    }
}

impl<V> Clone for Shards<V> {
    fn clone(&self) -> Self {
        Self { shards: self.shards.clone(), len: self.len }
    }
}

impl<V: fmt::Debug> fmt::Debug for Shards<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.shards.iter().flat_map(|shard| shard.iter())).finish()
    }
}

/// Equal if they hold equal values. What both share is not compared.
impl<V: Keyed + PartialEq> PartialEq for Shards<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.unshared(other).all(|value| other.get(value.key()) == Some(value))
    }
}

impl<V: Keyed + Eq> Eq for Shards<V> {}

impl<V: Keyed + Clone> FromIterator<V> for Shards<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut shards = Self::default();
        values.into_iter().for_each(|value| drop(shards.insert(value)));
        shards
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Pair(u16, u8);

    impl Keyed for Pair {
        type Key = u16;

        fn key(&self) -> &u16 {
            &self.0
        }
    }

    proptest! {
        #[test]
        fn a_map_is_a_map_and_its_copies_stay_as_they_are(
            steps in prop::collection::vec((0u16..600, prop::option::of(0u8..3)), 0..400),
            copied in 0usize..400,
        ) {
            let (mut map, mut model) = (Shards::default(), BTreeMap::new());
            let mut copy = (map.clone(), model.clone());
            for (number, (key, value)) in steps.into_iter().enumerate() {
                if number == copied {
                    copy = (map.clone(), model.clone());
                }
                match value {
                    Some(value) => {
                        let before = map.insert(Pair(key, value)).map(|pair| pair.1);
                        prop_assert_eq!(before, model.insert(key, value));
                    }
                    None => prop_assert_eq!(map.remove(&key).map(|pair| pair.1), model.remove(&key)),
                }
            }
            for (map, model) in [(&map, &model), (&copy.0, &copy.1)] {
                prop_assert_eq!(map.len(), model.len());
                prop_assert_eq!(&map.iter().map(|pair| (pair.0, pair.1)).collect::<BTreeMap<_, _>>(), model);
                prop_assert!(model.keys().all(|key| map.get(key).is_some()));
                let anew: Shards<Pair> = model.iter().map(|(key, value)| Pair(*key, *value)).collect();
                prop_assert_eq!(map, &anew);
            }
            prop_assert_eq!(map == copy.0, model == copy.1);
            let differ: BTreeMap<_, _> = map.unshared(&copy.0).map(|pair| (pair.0, pair.1)).collect();
            prop_assert!(model.iter().all(|(key, value)| copy.1.get(key) == Some(value) || differ.contains_key(key)));
        }
    }

    #[test]
    fn one_change_copies_one_shard() {
        let map: Shards<_> = (0..10_000).map(|key| Pair(key, 0)).collect();
        let mut changed = map.clone();
        changed.insert(Pair(7, 1));
        assert!(changed.unshared(&map).count() < 200);
        assert_ne!(map, changed);
        changed.insert(Pair(7, 0));
        assert_eq!(map, changed);
    }
}
