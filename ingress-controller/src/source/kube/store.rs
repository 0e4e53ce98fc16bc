//! What is known of a kind in one scope.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ::kube::runtime::watcher::Event;
use ingress_core::ObjectName;

use super::kind::Kind;
use crate::source::Touched;

/// The objects of a kind. Clones are the same store.
pub(super) struct Store<K> {
    held: Arc<RwLock<Held<K>>>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone() }
    }
}

/// How many there are: Secrets are among them.
impl<K> fmt::Debug for Store<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = self.held.read().unwrap_or_else(PoisonError::into_inner).objects.len();
        f.debug_struct("Store").field("objects", &objects).finish_non_exhaustive()
    }
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        let held = Held { objects: HashMap::new(), listed: HashMap::new() };
        Self { held: Arc::new(RwLock::new(held)) }
    }
}

struct Held<K> {
    objects: Entries<K>,
    /// What a list in progress has brought so far. It takes the place of `objects` as a whole when it is complete.
    listed: Entries<K>,
}

/// All objects of a store.
pub(super) struct All<'s, K>(RwLockReadGuard<'s, Held<K>>);

impl<K> All<'_, K> {
    /// They are in the same order each time, but for what changes.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<K>> {
        self.0.objects.values().map(|entry| &entry.object)
    }
}

type Entries<K> = HashMap<ObjectName, Entry<K>>;

struct Entry<K> {
    object: Arc<K>,
    /// The content was there and was dropped.
    stripped: bool,
}

impl<K: Kind> Entry<K> {
    fn new(mut object: K, wanted: Option<&BTreeSet<ObjectName>>) -> (ObjectName, Self) {
        object.trim();
        let key = object.key();
        let stripped = wanted.is_some_and(|wanted| !wanted.contains(&key)) && object.strip();
        (key, Self { object: Arc::new(object), stripped })
    }
}

impl<K: Kind> Store<K> {
    /// Takes an event in, and says what it touches. Content is kept only of what is `wanted`; of everything without that.
    pub(super) fn apply(&self, event: Event<K>, wanted: Option<&BTreeSet<ObjectName>>) -> Touched {
        let mut held = self.write();
        match event {
            Event::Init => held.listed = HashMap::new(),
            Event::InitApply(object) => {
                let (key, entry) = Entry::new(object, wanted);
                held.listed.insert(key, entry);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut held.listed);
                let before = std::mem::replace(&mut held.objects, listed);
                return difference(&before, &held.objects);
            }
            Event::Apply(object) => {
                let (key, entry) = Entry::new(object, wanted);
                let after = entry.object.clone();
                let before = held.objects.insert(key, entry);
                return change(before.as_ref().map(|entry| &*entry.object), Some(&*after));
            }
            Event::Delete(object) => {
                let before = held.objects.remove(&object.key());
                return change(before.as_ref().map(|entry| &*entry.object), None);
            }
        }
        Touched::Nothing
    }

    /// Drops the content of what is not wanted, and names what is wanted and has none. A list in progress counts too: it may have brought an
    /// object before somebody wanted it. Also tells whether content was dropped: until the objects are loaded anew, those that were loaded
    /// still have it.
    pub(super) fn want(&self, wanted: &BTreeSet<ObjectName>) -> (BTreeSet<ObjectName>, bool) {
        let mut held = self.write();
        let Held { objects, listed } = &mut *held;
        let (mut missing, mut dropped) = (BTreeSet::new(), false);
        for (key, entry) in objects.iter_mut().chain(listed) {
            match wanted.contains(key) {
                true if entry.stripped => drop(missing.insert(key.clone())),
                true => {}
                false if entry.stripped => {}
                false => {
                    entry.stripped = Arc::make_mut(&mut entry.object).strip();
                    dropped |= entry.stripped;
                }
            }
        }
        (missing, dropped)
    }

    /// Puts the content of an object back. Nothing happens if a later event has brought it already, or has deleted the object. What is
    /// filled in a list in progress is touched when that is complete.
    pub(super) fn fill(&self, object: K) -> Touched {
        let (key, entry) = Entry::new(object, None);
        let mut held = self.write();
        if let Some(listed) = held.listed.get_mut(&key).filter(|listed| listed.stripped) {
            *listed = Entry { object: entry.object.clone(), stripped: false };
        }
        match held.objects.get_mut(&key) {
            Some(held) if held.stripped => {
                *held = entry;
                Touched::All
            }
            _ => Touched::Nothing,
        }
    }

    /// All objects. Nothing changes for as long as this is held.
    pub(super) fn all(&self) -> All<'_, K> {
        All(self.read())
    }

    /// The object of a name.
    pub(super) fn get(&self, name: &ObjectName) -> Option<Arc<K>> {
        self.read().objects.get(name).map(|entry| entry.object.clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, Held<K>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held<K>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What differs between the objects before and after a list.
fn difference<K: Kind>(before: &Entries<K>, after: &Entries<K>) -> Touched {
    let object = |entry: &'_ Entry<K>| entry.object.clone();
    let mut touched = Touched::Nothing;
    for (key, entry) in after {
        touched = touched.and(change(before.get(key).map(object).as_deref(), Some(&*entry.object)));
    }
    for (_, entry) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        touched = touched.and(change(Some(&*entry.object), None));
    }
    touched
}

fn change<K: Kind>(before: Option<&K>, after: Option<&K>) -> Touched {
    match (before, after) {
        (Some(before), Some(after)) if before.same(after) => Touched::Nothing,
        (before, after) => {
            let touches = |object: Option<&K>| object.map_or(Touched::Nothing, Kind::touches);
            touches(before).and(touches(after))
        }
    }
}

#[cfg(test)]
mod tests;
