//! Maps and sets as sorted lists.
//!
//! In: keys, mostly in their order already, as a directory's listing and a
//! policy have them: such a key goes to the end. Out: the same, by binary
//! search or in order.
//!
//! **Never:** a tree: for each type of key and value it would be several
//! kilobytes of PID 1.

use std::borrow::Borrow;

/// Values by key, in the order of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map<K, V>(Vec<(K, V)>);

/// Different items, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T>(Map<T, ()>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Where `key` is, or where it would be.
    fn search<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        match self.0.last() {
            Some((last, _)) if last.borrow() < key => Err(self.0.len()),
            _ => self
                .0
                .binary_search_by(|(other, _)| other.borrow().cmp(key)),
        }
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.search(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.search(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is a value of `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.search(key).is_ok()
    }

    /// Sets the value of `key`, and returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.search(&key) {
            Ok(at) => {
                let (_, old) = self.0.get_mut(at)?;
                Some(std::mem::replace(old, value))
            }
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Sets the value of a key that has none yet.
    pub fn insert_if_new(&mut self, key: K, value: impl FnOnce() -> V) {
        if let Err(at) = self.search(&key) {
            self.0.insert(at, (key, value()));
        }
    }
}

impl<K: Ord, T> Map<K, Vec<T>> {
    /// Appends to the list of `key`, which may be a new one.
    pub fn push(&mut self, key: K, item: T) {
        match self.search(&key) {
            Ok(at) => {
                if let Some((_, list)) = self.0.get_mut(at) {
                    list.push(item);
                }
            }
            Err(at) => self.0.insert(at, (key, vec![item])),
        }
    }
}

impl<K, V> Map<K, V> {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The same, with values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Takes out what is not wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| is_wanted(key, value));
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<T: Ord> Set<T> {
    /// Whether `item` is in it.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(item)
    }

    /// Puts `item` in, and says whether it is new.
    pub fn insert(&mut self, item: T) -> bool {
        self.0.insert(item, ()).is_none()
    }

    /// The items from `from` on.
    pub fn from<Q: Ord + ?Sized>(&self, from: &Q) -> impl Iterator<Item = &T>
    where
        T: Borrow<Q>,
    {
        let (Ok(start) | Err(start)) = self.0.search(from);
        self.iter().skip(start)
    }
}

impl<T> Set<T> {
    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().map(|item| (item, ())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Map, Set};

    #[test]
    fn keys_come_out_in_order_whatever_the_order_they_came_in() {
        let map: Map<&str, u8> = [("b", 1), ("a", 2), ("d", 3), ("c", 4), ("a", 5)]
            .into_iter()
            .collect();
        let entries: Vec<_> = map.iter().collect();
        assert_eq!(entries, [(&"a", &5), (&"b", &1), (&"c", &4), (&"d", &3)]);
        assert_eq!(map.get("c"), Some(&4));
        assert!(!map.contains_key("e") && !map.contains_key(""));
    }

    #[test]
    fn a_second_value_takes_the_place_of_the_first_only_where_asked() {
        let mut map = Map::default();
        assert_eq!(map.insert("a", 1), None);
        assert_eq!(map.insert("a", 2), Some(1));
        map.insert_if_new("a", || 3);
        map.insert_if_new("b", || 4);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [2, 4]);
        map.retain(|_, value| *value == 4);
        assert!(!map.contains_key("a") && map.contains_key("b"));
    }

    #[test]
    fn a_list_grows_by_what_is_pushed_to_its_key() {
        let mut map = Map::default();
        for (key, item) in [("b", 1), ("a", 2), ("b", 3)] {
            map.push(key, item);
        }
        assert_eq!(map.get("a"), Some(&vec![2]));
        assert_eq!(map.get("b"), Some(&vec![1, 3]));
    }

    #[test]
    fn a_set_has_each_item_once_and_goes_on_from_any_place() {
        let mut set = Set::default();
        assert!(set.insert("/a/b") && set.insert("/a") && !set.insert("/a"));
        assert_eq!(set.from("/a/").next(), Some(&"/a/b"));
        assert_eq!(set.from("/b").next(), None);
        assert_eq!(set.iter().count(), 2);
    }
}
