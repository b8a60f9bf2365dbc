//! A map with a bound that forgets what was not used for longest.
//!
//! It has two generations. What is used is in the young one; when that is full, it becomes the
//! old one, and the old one is forgotten. So making room costs nothing that grows with the
//! map, however many keys strangers invent.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, mem};

use foldhash::fast::RandomState;

/// A bounded map. What was used among the last half of its capacity of other keys is in it.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    /// How many keys a generation has, at most.
    half: usize,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// An empty map of at most `capacity` keys, two at least.
    pub fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            half: (capacity / 2).max(1),
        }
    }

    /// What is known of a key, which counts as a use of it.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Puts a value in place of what was known of the key.
    pub fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_used_stays_and_strangers_are_forgotten() {
        let mut recent = Recent::new(8);
        recent.insert("used".to_owned(), 0);
        recent.insert("unused".to_owned(), 0);
        for number in 0..100 {
            recent.insert(number.to_string(), 0);
            *recent.get("used").unwrap() += 1;
            assert!(recent.len() <= 8, "{}", recent.len());
        }
        assert_eq!(recent.get("used"), Some(&mut 100));
        assert_eq!(recent.get("unused"), None);
        assert_eq!(recent.get("99"), Some(&mut 0));
        assert!(!recent.is_empty());
    }

    proptest! {
        #[test]
        fn the_last_half_is_known_with_its_last_value(
            capacity in 0_usize..10,
            writes in prop::collection::vec((0_u8..20, any::<u8>()), 0..100),
        ) {
            let mut recent = Recent::new(capacity);
            for (key, value) in &writes {
                recent.insert(*key, *value);
                prop_assert!(recent.len() <= capacity.max(2));
            }
            let mut seen = Vec::new();
            for (key, value) in writes.iter().rev() {
                if seen.len() >= (capacity / 2).max(1) {
                    break;
                }
                if !seen.contains(key) {
                    seen.push(*key);
                    prop_assert_eq!(recent.young.get(key).or(recent.old.get(key)), Some(value));
                }
            }
        }
    }
}
