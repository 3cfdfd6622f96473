//! The disk tier between keys and values and their bytes.

mod error;
mod look;
mod settings;

pub use self::error::{DiskError, DiskErrorKind};
pub(crate) use self::settings::ErasedDiskTier;
pub use self::settings::{Admission, DiskTier, Overflow};

use super::kept::{Kept, Terms};
use crate::codec::Codec;
use crate::compress::{Compression, Method, decompress};
use crate::device::Device;
use crate::disk::{
    self, Disk, DiskReport, DiskStats, Entry, EntryHeader, Found, Mark, Parts, Surroundings, Worker,
};
use crate::error::{FlushError, StoreError};
use crate::life::Life;
use crate::memory::{Clock, Departure};
use crate::tag::Tag;
use cache_policies::Cause;
use foldhash::quality::RandomState;
use std::cell::RefCell;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

/// The disk tier of a cache.
pub(super) struct OnDisk<K, V> {
    disk: Arc<Disk>,
    keys: Arc<dyn Codec<K>>,
    values: Arc<dyn Codec<V>>,
    promote_after: u64,
    /// What was found as often is not read at once: memory is to have it, and what leaves for it may have to wait.
    at_once_below: u64,
    compression: Compression,
    /// By which keys have marks.
    hasher: RandomState,
    /// What an entry says of times depends on them.
    terms: Terms,
    clock: Arc<dyn Clock>,
    _worker: Worker,
}

/// An answer of the disk tier.
pub(super) struct Retrieved<V> {
    pub(super) value: V,
    pub(super) life: Life,
    /// That of the load or the mutation by which it came.
    pub(super) stamp: u64,
    /// Memory is to have it.
    pub(super) promoted: bool,
}

/// A change of a key is under way; it ends when this is dropped.
pub(super) struct Changing {
    disk: Arc<Disk>,
    key: u64,
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.disk.end_mutation(self.key);
    }
}

thread_local! {
    /// The bytes of a key, and of a value.
    static SCRATCH: RefCell<(Vec<u8>, Vec<u8>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// A value has no more bytes, whatever it was compressed to.
const VALUE_BYTES_MAX: usize = 1 << 30;

/// So many bytes of scratch are kept for the next entry.
const SCRATCH_MAX: usize = 1 << 20;

/// Runs with room for the bytes of a key and a value. They are taken rather than borrowed: a codec may come back here.
fn with_scratch<R>(run: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> R) -> R {
    let (mut key, mut value) = SCRATCH.take();
    let result = run(&mut key, &mut value);
    if key.capacity().max(value.capacity()) <= SCRATCH_MAX {
        SCRATCH.set((key, value));
    }
    result
}

impl<K, V> OnDisk<K, V>
where
    K: Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Opens the tier in its directory.
    #[cfg(unix)]
    pub(super) fn open(
        tier: ErasedDiskTier<K, V>,
        terms: Terms,
        surroundings: Surroundings,
    ) -> Result<Self, DiskError> {
        let device =
            crate::device::Directory::open(&tier.settings.path).map_err(disk::OpenError::from)?;
        Self::open_on(Box::new(device), tier, terms, surroundings)
    }

    #[cfg(not(unix))]
    pub(super) fn open(
        _tier: ErasedDiskTier<K, V>,
        _terms: Terms,
        _surroundings: Surroundings,
    ) -> Result<Self, DiskError> {
        Err(DiskError::unsupported())
    }

    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no device"))]
    fn open_on(
        device: Box<dyn Device>,
        tier: ErasedDiskTier<K, V>,
        terms: Terms,
        surroundings: Surroundings,
    ) -> Result<Self, DiskError> {
        let clock = Arc::clone(&surroundings.clock);
        let promote_after = tier.settings.promote_after.into();
        let waits = tier.settings.options.waits;
        let (disk, _begun) = Disk::open(device, &tier.settings.options, surroundings)?;
        let disk = Arc::new(disk);
        let worker = Worker::start(Arc::clone(&disk)).map_err(disk::OpenError::from)?;
        Ok(Self {
            disk,
            keys: tier.keys,
            values: tier.values,
            promote_after,
            at_once_below: if waits { promote_after } else { u64::MAX },
            compression: tier.settings.compression,
            hasher: RandomState::default(),
            terms,
            clock,
            _worker: worker,
        })
    }
}

impl<K, V> OnDisk<K, V> {
    pub(super) fn stats(&self) -> DiskStats {
        self.disk.stats()
    }
}

impl<K: Hash + 'static, V: 'static> OnDisk<K, V> {
    /// What is to be known of a key when its value leaves memory: under the lock under which it does.
    pub(super) fn mark(&self, key: &K) -> u64 {
        self.disk.mark(self.hasher.hash_one(key)).0
    }

    /// What `act` makes of the hash of a key and its bytes; nothing if it has none.
    fn with_key<R>(&self, key: &K, act: impl FnOnce(u64, &[u8], &mut Vec<u8>) -> R) -> Option<R> {
        with_scratch(|key_bytes, value_bytes| {
            let bytes = self.keys.encode(key, key_bytes).ok()?;
            Some(act(self.disk.hash(bytes), bytes, value_bytes))
        })
    }

    /// The value of a key.
    pub(super) fn find(&self, key: &K) -> Option<Retrieved<V>> {
        let found = self.with_key(key, |hash, bytes, plain| {
            (self.disk).read(hash, bytes, |header, parts| {
                self.decode(header, parts, plain)
            })
        });
        Some(self.retrieved(found??))
    }

    /// The value of a key, if it can be had without waiting, and so can its way into memory.
    pub(super) fn find_at_once(&self, key: &K) -> Option<Retrieved<V>> {
        let found = self.with_key(key, |hash, bytes, plain| {
            (self.disk).read_at_once(hash, bytes, self.at_once_below, |header, parts| {
                self.decode(header, parts, plain)
            })
        });
        Some(self.retrieved(found??))
    }

    /// The value and the tags of an entry.
    fn decode(
        &self,
        header: &EntryHeader,
        parts: &Parts<'_>,
        plain: &mut Vec<u8>,
    ) -> Option<(V, Vec<Tag>)> {
        let value = match header.method() {
            Method::None => parts.value,
            method => {
                decompress(method, parts.value, VALUE_BYTES_MAX, plain).ok()?;
                &**plain
            }
        };
        let tags = disk::decode_tags(parts.tags)?;
        Some((self.values.decode(value).ok()?, tags))
    }

    fn retrieved(&self, found: Found<(V, Vec<Tag>)>) -> Retrieved<V> {
        let (value, tags) = found.taken;
        // Of its other times the entry says nothing.
        let left = found.left.map_or(Duration::MAX, Duration::from_millis);
        Retrieved {
            value,
            life: Life::DEFAULT.ttl(left).with_tags(tags),
            stamp: found.stamp,
            promoted: found.hits >= self.promote_after,
        }
    }

    /// Whether there is an entry of a key, as far as is known without reading it.
    pub(super) fn has(&self, key: &K) -> bool {
        self.with_key(key, |hash, _, _| self.disk.has(hash)) == Some(true)
    }

    /// An entry has left memory: it goes to the disk, if it left for want of room.
    pub(super) fn demote(&self, left: &Departure<K, Kept<V>>) {
        if left.cause == Cause::Capacity {
            self.keep(&left.key, &left.value, left.mark);
        }
    }

    /// Stores what memory still holds, and waits for room where there is none.
    pub(super) fn keep_last(&self, key: &K, kept: &Kept<V>, mark: u64) {
        self.disk.make_room();
        self.keep(key, kept, mark);
    }

    /// Stores what memory holds or held when the mark of the key was `mark`.
    fn keep(&self, key: &K, kept: &Kept<V>, mark: u64) {
        let Some(value) = kept.value() else {
            return;
        };
        let now = if kept.is_timed() { self.clock.now() } else { 0 };
        let expiry = match kept.fresh_for(&self.terms, now) {
            None => 0,
            Some(0) => return,
            Some(left) => self.disk.wall().saturating_add(left),
        };
        let stored = self.with_key(key, |hash, key_bytes, value_bytes| {
            if !self.disk.wants(hash) {
                return Some(());
            }
            let value = self.values.encode(value, value_bytes).ok()?;
            let (method, packed) = self.packed(value);
            let tags = disk::encode_tags(kept.tags())?;
            let entry = Entry {
                key: key_bytes,
                tags: &tags,
                value: packed.as_deref().unwrap_or(value),
                method,
                plain_bytes: value.len(),
                stamp: kept.stamp(),
                expiry,
            };
            let key = self.hasher.hash_one(key);
            self.disk.store(key, hash, &entry, Mark(mark));
            Some(())
        });
        if stored.flatten().is_none() {
            self.disk.unfit();
        }
    }

    /// How a value is kept, and its bytes then if it is not as it is.
    fn packed(&self, value: &[u8]) -> (Method, Option<Vec<u8>>) {
        if self.compression == Compression::None {
            return (Method::None, None);
        }
        let mut packed = Vec::new();
        let method = self.compression.compress(value, &mut packed);
        (method, (method != Method::None).then_some(packed))
    }

    /// A change of a key of this stamp begins. It must not go on after an error: a restart might bring the old value back.
    pub(super) fn change(&self, key: &K, stamp: u64) -> Result<Changing, StoreError> {
        let changing = Changing {
            disk: Arc::clone(&self.disk),
            key: self.hasher.hash_one(key),
        };
        // A key without bytes has no entry.
        let begun = self.with_key(key, |hash, _, _| {
            self.disk.begin_mutation(changing.key, hash, stamp)
        });
        match begun {
            Some(Ok(())) => Ok(changing),
            Some(Err(unfenced)) => Err(StoreError::new(unfenced)),
            None => {
                self.disk.begin_unknown(changing.key);
                Ok(changing)
            }
        }
    }

    /// After the floor of a tag was raised. Should the device fail, the tier answers nothing any more and tries to say so on
    /// the disk, again and again.
    pub(super) fn raise_tag(&self, tag: &Tag, stamp: u64) {
        let _given_up = self.disk.raise_tag(tag, stamp);
    }

    /// After the floor of everything was raised; as [`raise_tag`](Self::raise_tag).
    pub(super) fn raise_all(&self, stamp: u64) {
        let _given_up = self.disk.raise_all(stamp);
    }

    pub(super) fn verify(&self) -> DiskReport {
        self.disk.verify()
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.disk.flush();
    }

    /// Makes everything durable, and takes nothing more.
    pub(super) fn close(&self) -> Result<(), FlushError> {
        let closed = self.disk.close().map_err(disk::OpenError::from);
        closed.map_err(|error| FlushError::Disk(error.into()))
    }
}
