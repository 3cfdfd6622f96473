//! The disk tier of a `Tiered`: its settings.

use crate::codec::{Codec, Raw};
use crate::compress::Compression;
use crate::disk::Options;
use crate::durability::Durability;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What of that which leaves memory is worth a write to the disk tier.
///
/// ```
/// use cache_tiered::{Admission, DiskTier};
///
/// let tier = DiskTier::new("cache").admission(Admission::Frequent);
/// # drop(tier);
/// assert_eq!(Admission::default(), Admission::Always);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Whatever leaves memory for want of room.
    #[default]
    Always,
    /// What was looked for at least twice of late while the disk tier did not have it, as far as a frequency
    /// sketch knows: fewer bytes are written, and what is read once does not oust what is read often.
    Frequent,
}

/// What becomes of a value that leaves memory faster than the device writes.
///
/// ```
/// use cache_tiered::{DiskTier, Overflow};
///
/// let tier = DiskTier::new("cache").buffers(64 << 20).overflow(Overflow::Wait);
/// # drop(tier);
/// assert_eq!(Overflow::default(), Overflow::Drop);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It is dropped and counted ([`DiskStats::dropped`](crate::DiskStats::dropped)): the store has it.
    #[default]
    Drop,
    /// Whoever makes it leave memory, a get or a put, writes to the device until there is room.
    Wait,
}

/// What does not depend on the codecs.
#[derive(Clone, Debug)]
pub(crate) struct DiskSettings {
    pub(super) path: PathBuf,
    pub(super) options: Options,
    pub(super) promote_after: u8,
    pub(super) compression: Compression,
}

/// The settings of the disk tier of a [`Tiered`](crate::Tiered): what leaves memory for want of room goes to
/// files of a directory, is found there when the store would be asked else, and is still there after a restart.
///
/// Keys and values go through codecs: [`Raw`] by default. Equal keys must have equal bytes.
///
/// # What is promised
///
/// **G1** holds across the tiers: a value that was changed, removed or invalidated is never read from the disk
/// again. **G2**: nor does it come back by a restart, whenever the process was killed; with
/// [`Durability::Power`], whenever power was lost; without, the tier opens empty after a loss of power,
/// unless it was closed. Before a change of a key that is on the disk is brought to the store, a fence of 32 bytes
/// is written (and synced, with `Power`), and the copy there is gone, also if the store then refuses the change. Whatever is torn, flipped, cut or exchanged on the disk is a miss, and
/// never another value: headers, keys and values have checksums. They keep no forger out.
///
/// A device that fails makes misses, for a second at a time once it fails again and again. Where a fence can not be
/// written the whole tier is given up, for this run and the next; where not even that can be noted on the disk, a
/// change of a key that is there is [refused](crate::PutError::Refused).
///
/// Values that memory never had because they are too heavy for it, and absences, are not on the disk. What comes from
/// there has its tags and the rest of its time to live; other times of its [`Life`](crate::Life) begin anew, as the
/// memory tier says.
///
/// # Costs
///
/// 12 to 17 bytes of memory an entry, 3 MiB for the tier, and the [buffers](Self::buffers); on the disk 32 to 39 bytes
/// an entry beside key and value, and 24 in the footer of its region. One read of the device a hit. Where Linux has the
/// bytes in memory (`RWF_NOWAIT`), a task that awaits a get has them without another thread, unless memory is to have them and
/// writes wait ([`Overflow::Wait`]); codecs and listeners are called on the task's thread then, for up to 64 KiB. `docs/disk-format.md` describes the files.
///
/// # Examples
///
/// ```
/// use cache_tiered::{DiskTier, InMemory, MemoryTier, Tier, Tiered};
///
/// let folder = tempfile::tempdir()?;
/// let store = InMemory::new();
/// let build = || {
///     Tiered::<u64, String>::builder()
///         .memory(MemoryTier::entries(10).policy("lru".parse().unwrap()))
///         .disk(DiskTier::new(folder.path().join("cache")).capacity(8 << 20))
///         .store(store.clone())
///         .build()
/// };
/// let cache = build()?;
/// for key in 0..100 {
///     cache.put(key, format!("number {key}")).wait()?;
/// }
/// assert_eq!(cache.get(&1).wait()?.expect("it was put").tier, Tier::Disk);
/// cache.close().wait()?;
/// drop(cache);
///
/// // The next one begins where that ended, what was in its memory included.
/// assert_eq!(build()?.get(&99).wait()?.expect("it was put").tier, Tier::Disk);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until they are given to `Tiered::builder().disk(..)`"]
pub struct DiskTier<C = Raw, D = Raw> {
    pub(crate) settings: DiskSettings,
    pub(crate) keys: C,
    pub(crate) values: D,
}

/// With the types of the codecs erased.
pub(crate) type ErasedDiskTier<K, V> = DiskTier<Arc<dyn Codec<K>>, Arc<dyn Codec<V>>>;

impl DiskTier {
    /// A tier in the directory `path`, which is made if there is none: it is the tier's alone.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            settings: DiskSettings {
                path: path.into(),
                options: Options::DEFAULT,
                promote_after: 1,
                compression: Compression::None,
            },
            keys: Raw,
            values: Raw,
        }
    }
}

impl<C, D> DiskTier<C, D> {
    fn with(mut self, set: impl FnOnce(&mut Options)) -> Self {
        set(&mut self.settings.options);
        self
    }

    /// Bytes of the regions, which are taken at once; 1 GiB by default. It may be another one in each run.
    pub fn capacity(self, bytes: u64) -> Self {
        self.with(|options| options.capacity = bytes)
    }

    /// Bytes of a region, which is filled, sealed and later reclaimed as a whole: a multiple of 4 KiB up to 32 MiB, and a
    /// quarter of the capacity at most. The largest entry is a little smaller; of 8 MiB at most. By default a 64th of the
    /// capacity, from 64 KiB to 16 MiB; in a tier that is there already, those that it has: one of another size is emptied.
    pub fn region_bytes(self, bytes: u64) -> Self {
        self.with(|options| options.region_bytes = Some(bytes))
    }

    /// What a change of a key survives that was acknowledged: [`Durability::Process`] by default, for which fences need no
    /// sync, or [`Durability::Power`]. `Volatile` is taken for `Process`.
    pub fn durability(self, durability: Durability) -> Self {
        self.with(|options| options.durable = durability == Durability::Power)
    }

    /// Bytes that may wait to be written; 16 MiB by default. They are read from there meanwhile. What is beyond waits or is
    /// dropped, as [`overflow`](Self::overflow) says.
    pub fn buffers(self, bytes: usize) -> Self {
        self.with(|options| options.buffer_bytes = bytes)
    }

    /// What becomes of a value for which the [buffers](Self::buffers) have no room; dropped by default.
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.with(|options| options.waits = overflow == Overflow::Wait)
    }

    /// What is worth a write; everything by default.
    pub fn admission(self, admission: Admission) -> Self {
        self.with(|options| options.frequent = admission == Admission::Frequent)
    }

    /// Bytes of entries that may be written a second, those of one second at once; no limit by default. What is beyond is not
    /// kept, and counted ([`DiskStats::refused`](crate::DiskStats::refused)).
    pub fn bytes_per_second(self, bytes: u64) -> Self {
        self.with(|options| options.bytes_per_second = Some(bytes))
    }

    /// After how many earlier hits a hit moves an entry up to memory, 1 by default: so when it is seen twice. 0 moves it at
    /// once; 3 is the most that is counted. The entry stays on the disk, so that it need not be written again.
    pub fn promote_after(mut self, hits: u8) -> Self {
        self.settings.promote_after = hits.min(3);
        self
    }

    /// How values are made smaller; not at all by default. It may be another one in each run, as long as the features by
    /// which entries were written are there: else those are misses.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// The codecs of keys and values. Their [ids](Codec::id) are noted in the tier: one that was written with others is
    /// refused.
    pub fn codecs<E, F>(self, keys: E, values: F) -> DiskTier<E, F> {
        DiskTier {
            settings: self.settings,
            keys,
            values,
        }
    }

    pub(crate) fn erased<K, V>(self) -> ErasedDiskTier<K, V>
    where
        C: Codec<K>,
        D: Codec<V>,
    {
        // Which is which matters, and that both are.
        let (keys, values) = (self.keys.id(), self.values.id());
        let mut settings = self.settings;
        settings.options.codec = keys.rotate_left(1) ^ values;
        DiskTier {
            settings,
            keys: Arc::new(self.keys),
            values: Arc::new(self.values),
        }
    }
}

impl<C, D> fmt::Debug for DiskTier<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskTier")
            .field("path", &self.settings.path)
            .field("capacity", &self.settings.options.capacity)
            .finish_non_exhaustive()
    }
}
