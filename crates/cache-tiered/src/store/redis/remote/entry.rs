//! What the server has of a key: one byte that says what it is, and the rest.

use std::sync::atomic::{AtomicU64, Ordering};

const VALUE: u8 = b'V';
const ABSENCE: u8 = b'A';
const LEASE: u8 = b'L';
/// Known to a script too.
pub(super) const BLOCK: u8 = b'B';

/// What stands under a key, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Value(&'a [u8]),
    /// The store has nothing of it.
    Absence,
    /// Somebody loads it, or writes it.
    Held,
    /// Nothing that a remote tier writes.
    Foreign,
}

impl<'a> Entry<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Self {
        match bytes.split_first() {
            Some((&VALUE, value)) => Self::Value(value),
            Some((&ABSENCE, [])) => Self::Absence,
            Some((&(LEASE | BLOCK), token)) if token.len() >= TOKEN => Self::Held,
            _ => Self::Foreign,
        }
    }
}

pub(super) fn value(bytes: &[u8]) -> Vec<u8> {
    [&[VALUE], bytes].concat()
}

pub(super) fn absence() -> Vec<u8> {
    vec![ABSENCE]
}

/// Bytes of a token: who, and its count.
const TOKEN: usize = 16 + 8;

/// Leases, or what they begin with, and blocks: no two of them are the same.
#[derive(Debug)]
pub(super) struct Tokens {
    /// An id that no other tier has.
    own: [u8; 16],
    /// Relaxed: a count, with nothing behind it.
    next: AtomicU64,
}

impl Tokens {
    pub(super) const fn new(own: [u8; 16]) -> Self {
        Self {
            own,
            next: AtomicU64::new(0),
        }
    }

    pub(super) const fn own(&self) -> [u8; 16] {
        self.own
    }

    pub(super) fn lease(&self) -> Vec<u8> {
        self.token(LEASE)
    }

    pub(super) fn block(&self) -> Vec<u8> {
        self.token(BLOCK)
    }

    fn token(&self, kind: u8) -> Vec<u8> {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        [&[kind][..], &self.own, &count.to_le_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_is_foreign() {
        assert_eq!(Entry::parse(&value(b"bytes")), Entry::Value(b"bytes"));
        assert_eq!(Entry::parse(&value(b"")), Entry::Value(b""));
        assert_eq!(Entry::parse(&absence()), Entry::Absence);
        let tokens = Tokens::new([7; 16]);
        assert_eq!(Entry::parse(&tokens.lease()), Entry::Held);
        assert_eq!(Entry::parse(&tokens.block()), Entry::Held);
        for foreign in [&b""[..], b"Abc", b"L", b"B123", b"value"] {
            assert_eq!(Entry::parse(foreign), Entry::Foreign);
        }
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let (one, other) = (Tokens::new([1; 16]), Tokens::new([2; 16]));
        let mut all = vec![one.lease(), one.lease(), one.block(), other.lease()];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 4);
    }
}
