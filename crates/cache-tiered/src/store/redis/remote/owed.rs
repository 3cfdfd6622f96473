//! What the server has still to be told: keys whose entries may be old there.

use std::collections::HashMap;

/// Bytes of keys at most, each with its overhead.
const BYTES_MAX: usize = 16 << 20;
/// What a key costs beside its bytes.
const OVERHEAD: usize = 64;

/// Keys that nothing of the server is believed of until it was told to empty them.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// With the last debt of each, by its number.
    keys: HashMap<Vec<u8>, u64>,
    bytes: usize,
    last: u64,
    /// How many were given out, so that those that nobody takes keep none from being given out.
    given: usize,
    /// Somebody delivers.
    pub(super) delivered: bool,
}

impl Owed {
    /// False if there is no room for it.
    pub(super) fn push(&mut self, key: &[u8]) -> bool {
        self.last += 1;
        if let Some(debt) = self.keys.get_mut(key) {
            *debt = self.last;
            return true;
        }
        let bytes = key.len() + OVERHEAD;
        if self.bytes + bytes > BYTES_MAX {
            return false;
        }
        self.bytes += bytes;
        self.keys.insert(key.to_vec(), self.last);
        true
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Some of them, others at each call until it was all.
    pub(super) fn some(&mut self, most: usize) -> Vec<(Vec<u8>, u64)> {
        let (first, len) = (self.given % self.keys.len().max(1), self.keys.len());
        self.given = first + most;
        let some = self.keys.iter().cycle().skip(first).take(most.min(len));
        some.map(|(key, debt)| (key.clone(), *debt)).collect()
    }

    /// Strikes a debt out; a later one of the same key stays.
    pub(super) fn paid(&mut self, key: &[u8], debt: u64) {
        if self.keys.get(key) == Some(&debt) {
            self.keys.remove(key);
            self.bytes -= key.len() + OVERHEAD;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_debt_outlives_the_payment_of_an_earlier_one() {
        let mut owed = Owed::default();
        assert!(owed.push(b"key"));
        let first = owed.some(9);
        assert!(owed.push(b"key") && owed.push(b"other"));
        for (key, debt) in first {
            owed.paid(&key, debt);
        }
        assert!(owed.contains(b"key"));
        assert_eq!(owed.len(), 2);
        for (key, debt) in owed.some(1) {
            owed.paid(&key, debt);
        }
        assert_eq!(owed.len(), 1);
        for (key, debt) in owed.some(9) {
            owed.paid(&key, debt);
        }
        assert_eq!((owed.len(), owed.bytes), (0, 0));
    }

    #[test]
    fn those_that_nobody_takes_keep_none_from_being_given_out() {
        let mut owed = Owed::default();
        (0..10_u8).for_each(|key| assert!(owed.push(&[key])));
        let mut given: Vec<_> = (0..4).flat_map(|_| owed.some(3)).collect();
        given.sort();
        given.dedup();
        assert_eq!(given.len(), 10);
        assert_eq!(owed.some(30).len(), 10);
    }

    #[test]
    fn its_room_has_an_end() {
        let mut owed = Owed::default();
        let half = vec![0; BYTES_MAX / 2];
        assert!(owed.push(&half));
        assert!(owed.push(&half), "it is there");
        assert!(!owed.push(&vec![1; BYTES_MAX / 2]));
        assert!(owed.push(b"small"));
    }
}
