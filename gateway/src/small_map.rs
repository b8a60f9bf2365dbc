//! A map that mostly has one entry: a list until it is long, a table from then
//! on. An idle session has several of them, and an empty table alone would cost
//! more than the list with its entry.

use std::{collections::HashMap, hash::Hash};

use foldhash::fast::RandomState;

/// How many entries are searched one by one.
const FEW: usize = 8;

/// A map of few or many.
#[derive(Debug)]
pub struct SmallMap<K, V> {
    few: Vec<(K, V)>,
    /// Once there is a table, everything is in it.
    #[expect(
        clippy::box_collection,
        reason = "most never have one, and it is five times as large as a pointer"
    )]
    many: Option<Box<HashMap<K, V, RandomState>>>,
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self {
            few: Vec::new(),
            many: None,
        }
    }
}

impl<K: Eq + Hash, V> SmallMap<K, V> {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.many.as_ref().map_or(self.few.len(), |many| many.len())
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        match &self.many {
            Some(many) => many.get(key),
            None => self
                .few
                .iter()
                .find(|(other, _)| other == key)
                .map(|(_, value)| value),
        }
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match &mut self.many {
            Some(many) => many.get_mut(key),
            None => self
                .few
                .iter_mut()
                .find(|(other, _)| other == key)
                .map(|(_, value)| value),
        }
    }

    /// Whether the key has a value.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Gives the key a value; answers the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.remove(&key);
        self.get_or_insert_with(key, || value);
        before
    }

    /// The value of a key, made when it has none.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        if self.many.is_none() && self.few.len() == FEW && !self.contains_key(&key) {
            let all = std::mem::take(&mut self.few).into_iter();
            self.many = Some(Box::new(all.collect()));
        }
        if let Some(many) = &mut self.many {
            return many.entry(key).or_insert_with(value);
        }
        let entry = match self.few.iter().position(|(other, _)| *other == key) {
            Some(index) => self.few.swap_remove(index),
            None => (key, value()),
        };
        // A list would begin with room for four.
        if self.few.len() == self.few.capacity() {
            self.few.reserve_exact(self.few.len().max(1));
        }
        &mut self.few.push_mut(entry).1
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        if let Some(many) = &mut self.many {
            return many.remove(key);
        }
        let index = self.few.iter().position(|(other, _)| other == key)?;
        Some(self.few.swap_remove(index).1)
    }

    /// Keeps the entries that are wanted.
    pub fn retain(&mut self, mut wanted: impl FnMut(&K, &mut V) -> bool) {
        match &mut self.many {
            Some(many) => many.retain(wanted),
            None => self.few.retain_mut(|(key, value)| wanted(key, value)),
        }
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let many = self.many.iter().flat_map(|many| many.iter());
        self.few.iter().map(|(key, value)| (key, value)).chain(many)
    }

    /// All entries, whose values may be changed, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let many = self.many.iter_mut().flat_map(|many| many.iter_mut());
        self.few
            .iter_mut()
            .map(|(key, value)| (&*key, value))
            .chain(many)
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, to be changed, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(changes in proptest::collection::vec((0_u8..20, any::<Option<u8>>()), 0..200)) {
            let (mut few, mut model) = (SmallMap::default(), BTreeMap::new());
            for (key, value) in changes {
                if let Some(value) = value {
                    prop_assert_eq!(few.insert(key, value), model.insert(key, value));
                } else {
                    prop_assert_eq!(few.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(few.get(&key), model.get(&key));
                prop_assert_eq!(few.len(), model.len());
                prop_assert_eq!(few.contains_key(&key), value.is_some());
                let all: BTreeMap<u8, u8> = few.iter().map(|(key, value)| (*key, *value)).collect();
                prop_assert_eq!(&all, &model);
            }
            few.values_mut().for_each(|value| *value /= 2);
            few.retain(|key, value| *key < *value);
            let kept: BTreeMap<u8, u8> = few.iter().map(|(key, value)| (*key, *value)).collect();
            let wanted = model.into_iter().map(|(key, value)| (key, value / 2));
            prop_assert_eq!(kept, wanted.filter(|(key, value)| key < value).collect());
            prop_assert_eq!(few.is_empty(), few.values().next().is_none());
        }
    }
}
