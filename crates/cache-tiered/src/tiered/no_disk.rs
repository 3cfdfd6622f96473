//! In place of the disk tier where the feature `disk` is off: there is none, ever.

use super::kept::Kept;
use crate::error::{FlushError, StoreError};
use crate::life::Life;
use crate::memory::Departure;
use crate::tag::Tag;
use std::convert::Infallible;
use std::marker::PhantomData;

/// The disk tier that there is not.
pub(super) struct OnDisk<K, V> {
    none: Infallible,
    _entries: PhantomData<fn(K, V)>,
}

/// Its answers.
pub(super) struct Retrieved<V> {
    pub(super) value: V,
    pub(super) life: Life,
    pub(super) stamp: u64,
    pub(super) promoted: bool,
}

/// Its changes.
pub(super) struct Changing(Infallible);

impl Drop for Changing {
    fn drop(&mut self) {
        match self.0 {}
    }
}

impl<K, V> OnDisk<K, V> {
    pub(super) fn mark(&self, _key: &K) -> u64 {
        match self.none {}
    }

    pub(super) fn find(&self, _key: &K) -> Option<Retrieved<V>> {
        match self.none {}
    }

    pub(super) fn find_at_once(&self, _key: &K) -> Option<Retrieved<V>> {
        match self.none {}
    }

    pub(super) fn has(&self, _key: &K) -> bool {
        match self.none {}
    }

    pub(super) fn demote(&self, _left: &Departure<K, Kept<V>>) {
        match self.none {}
    }

    pub(super) fn keep_last(&self, _key: &K, _kept: &Kept<V>, _mark: u64) {
        match self.none {}
    }

    pub(super) fn change(&self, _key: &K, _stamp: u64) -> Result<Changing, StoreError> {
        match self.none {}
    }

    pub(super) fn raise_tag(&self, _tag: &Tag, _stamp: u64) {
        match self.none {}
    }

    pub(super) fn raise_all(&self, _stamp: u64) {
        match self.none {}
    }

    pub(super) fn flush(&self) {
        match self.none {}
    }

    pub(super) fn close(&self) -> Result<(), FlushError> {
        match self.none {}
    }
}
