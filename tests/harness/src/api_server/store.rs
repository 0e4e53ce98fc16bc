//! All objects and what became of them: one version for everything, a history for each kind.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use super::kinds::{KINDS, Kind};
use super::object::{Key, Stored};
use super::select::Selection;
use super::status::Failure;

/// So many changes of a kind are remembered.
const HISTORY: usize = 100_000;

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) before: Option<Arc<Stored>>,
    /// None if it was deleted.
    pub(crate) after: Option<Arc<Stored>>,
}

type Objects = BTreeMap<Key, Arc<Stored>>;

#[derive(Debug, Default)]
struct Table {
    objects: Objects,
    history: VecDeque<Change>,
    /// Changes up to this version are forgotten.
    compacted: u64,
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) version: u64,
    pub(crate) items: Vec<Arc<Stored>>,
    /// The token for the rest.
    pub(crate) next: Option<String>,
    /// How many objects the rest has, where that is known without looking at them.
    pub(crate) remaining: Option<usize>,
}

/// The objects.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    tables: Vec<Table>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self { version: 1, tables: KINDS.iter().map(|_| Table::default()).collect() }
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    fn table(&self, kind: &Kind) -> &Table {
        &self.tables[kind.index()]
    }

    pub(crate) fn get(&self, kind: &Kind, key: &Key) -> Option<Arc<Stored>> {
        self.table(kind).objects.get(key).cloned()
    }

    /// All objects of a kind.
    pub(crate) fn all(&self, kind: &Kind) -> impl Iterator<Item = &Arc<Stored>> {
        self.table(kind).objects.values()
    }

    /// Stores `object`, which must be sound, or deletes what is there.
    pub(crate) fn write(
        &mut self,
        kind: &'static Kind,
        key: Key,
        object: Option<Value>,
    ) -> Option<Arc<Stored>> {
        self.version += 1;
        let version = self.version;
        let table = &mut self.tables[kind.index()];
        let after = object.map(|object| Stored::new(kind, key.clone(), version, object));
        let before = match &after {
            Some(after) => table.objects.insert(key, after.clone()),
            None => table.objects.remove(&key),
        };
        table.history.push_back(Change { version, before, after: after.clone() });
        if table.history.len() > HISTORY
            && let Some(forgotten) = table.history.pop_front()
        {
            table.compacted = forgotten.version;
        }
        after
    }

    /// The changes of a kind after `version`, or why they are not known any more.
    pub(crate) fn since(&self, kind: &Kind, version: u64) -> Result<Vec<Change>, Failure> {
        let table = self.table(kind);
        if version < table.compacted {
            return Err(Failure::expired(format!(
                "too old resource version: {version} ({})",
                table.compacted
            )));
        }
        let first = table.history.partition_point(|change| change.version <= version);
        Ok(table.history.range(first..).cloned().collect())
    }

    /// Forgets all history. Every version that was handed out so far is too old afterwards.
    pub(crate) fn expire(&mut self) {
        self.version += 1;
        for table in &mut self.tables {
            table.history.clear();
            table.compacted = self.version;
        }
    }

    /// The objects of a kind as they were at `version`.
    fn objects_at(&self, kind: &Kind, version: u64) -> Result<Cow<'_, Objects>, Failure> {
        let mut objects = Cow::Borrowed(&self.table(kind).objects);
        for change in self.since(kind, version)?.into_iter().rev() {
            let Some(key) = change.after.or_else(|| change.before.clone()).map(|object| object.key.clone())
            else {
                continue;
            };
            match change.before {
                Some(before) => objects.to_mut().insert(key, before),
                None => objects.to_mut().remove(&key),
            };
        }
        Ok(objects)
    }

    /// The selected objects of a kind: as they are now, or at `exact`, or what follows the page that gave the token `next`.
    pub(crate) fn page(
        &self,
        kind: &'static Kind,
        selection: &Selection,
        exact: Option<u64>,
        limit: usize,
        next: Option<&str>,
    ) -> Result<Page, Failure> {
        let (version, after) = match next {
            Some(token) => {
                let (version, key) = parse_token(token)?;
                (version, Some(key))
            }
            None => (exact.unwrap_or(self.version), None),
        };
        let expired = |_| {
            let why = "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
                       the continue parameter";
            Failure::expired(why)
        };
        let objects = self.objects_at(kind, version).map_err(expired)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = objects.range((start, Bound::Unbounded)).map(|(_, object)| object);
        let mut found = rest.by_ref().filter(|object| selection.matches(object)).cloned();
        if limit == 0 {
            return Ok(Page { version, items: found.collect(), next: None, remaining: None });
        }
        let items: Vec<_> = found.by_ref().take(limit).collect();
        // Counting a selection would mean to look into every object.
        let (more, remaining) = if selection.is_plain() {
            let count = found.count();
            (count > 0, Some(count).filter(|count| *count > 0))
        } else {
            (found.next().is_some(), None)
        };
        let next =
            items.last().filter(|_| more).map(|last| format!("{version}:{}:{}", last.key.0, last.key.1));
        Ok(Page { version, items, next, remaining })
    }
}

fn parse_token(token: &str) -> Result<(u64, Key), Failure> {
    let mut parts = token.splitn(3, ':');
    let version = parts.next().and_then(|version| version.parse().ok());
    match (version, parts.next(), parts.next()) {
        (Some(version), Some(namespace), Some(name)) => {
            Ok((version, (namespace.to_owned(), name.to_owned())))
        }
        _ => Err(Failure::bad_request("continue key is not valid")),
    }
}
