//! A table that can be undone: to the begin of the transaction, and further to the last synced commit.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Rows by key, with what is needed to take changes back.
pub struct Table<K, V> {
    rows: BTreeMap<K, Rc<V>>,
    /// Of the open transaction.
    undo: Vec<(K, Option<Rc<V>>)>,
    /// Of committed transactions that no power cut has to respect yet.
    unsynced: Vec<(K, Option<Rc<V>>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new(), unsynced: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<&Rc<V>> {
        self.rows.get(key)
    }
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Rc<V>)> {
        self.rows.iter()
    }
    pub fn values(&self) -> impl Iterator<Item = &Rc<V>> {
        self.rows.values()
    }
    pub fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), Rc::new(row));
        self.undo.push((key, before));
    }
    pub fn remove(&mut self, key: &K) -> Option<Rc<V>> {
        let before = self.rows.remove(key)?;
        self.undo.push((key.clone(), Some(before.clone())));
        Some(before)
    }
    /// Changes a row that is there. Answers whether it was.
    pub fn change(&mut self, key: &K, change: impl FnOnce(&mut V)) -> bool {
        let Some(row) = self.rows.get_mut(key) else { return false };
        self.undo.push((key.clone(), Some(row.clone())));
        change(Rc::make_mut(row));
        true
    }
    pub fn commit(&mut self, synced: bool) {
        if synced {
            self.undo.clear();
            self.unsynced.clear();
        } else {
            self.unsynced.append(&mut self.undo);
        }
    }
    pub fn rollback(&mut self) {
        let undo = std::mem::take(&mut self.undo);
        self.take_back(undo);
    }
    /// The power is cut: what was not synced is gone.
    pub fn cut(&mut self) {
        self.rollback();
        let unsynced = std::mem::take(&mut self.unsynced);
        self.take_back(unsynced);
    }
    fn take_back(&mut self, undo: Vec<(K, Option<Rc<V>>)>) {
        for (key, before) in undo.into_iter().rev() {
            match before {
                Some(row) => drop(self.rows.insert(key, row)),
                None => drop(self.rows.remove(&key)),
            }
        }
    }
}
