//! When a write reaches the store: the settings of write-through and of write-behind.

use crate::codec::{Codec, Raw};
use crate::durability::Durability;
use crate::retry::Retry;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// When a write reaches the store: [`Writes::through`] or [`Writes::behind`].
///
/// ```
/// use cache_tiered::{Durability, Writes};
/// use std::time::Duration;
///
/// let through: Writes<u64, String> = Writes::through().into();
/// let behind: Writes<u64, String> = Writes::behind("cache.journal")
///     .durability(Durability::Power)
///     .max_delay(Duration::from_millis(200))
///     .into();
/// # drop((through, behind));
/// ```
pub struct Writes<K = (), V = ()> {
    pub(super) mode: Mode<K, V>,
}

pub(super) enum Mode<K, V> {
    Through(Through),
    Behind(Behind<Arc<dyn Codec<K>>, Arc<dyn Codec<V>>>),
}

impl Writes {
    /// Before it is acknowledged.
    pub const fn through() -> Through {
        Through {
            timeout: None,
            retry: Retry::NEVER,
        }
    }

    /// After it is acknowledged: what makes it safe until then is a journal in the directory
    /// `journal`, which is made if there is none.
    pub fn behind(journal: impl Into<PathBuf>) -> Behind {
        Behind {
            settings: WriteBehindSettings::new(journal.into()),
            keys: Raw,
            values: Raw,
        }
    }
}

/// Write-through.
impl<K, V> Default for Writes<K, V> {
    fn default() -> Self {
        Writes::through().into()
    }
}

impl<K, V> From<Through> for Writes<K, V> {
    fn from(through: Through) -> Self {
        Self {
            mode: Mode::Through(through),
        }
    }
}

impl<K, V, C: Codec<K>, D: Codec<V>> From<Behind<C, D>> for Writes<K, V> {
    fn from(behind: Behind<C, D>) -> Self {
        Self {
            mode: Mode::Behind(Behind {
                settings: behind.settings,
                keys: Arc::new(behind.keys),
                values: Arc::new(behind.values),
            }),
        }
    }
}

impl<K, V> fmt::Debug for Writes<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mode {
            Mode::Through(through) => through.fmt(f),
            Mode::Behind(behind) => behind.fmt(f),
        }
    }
}

/// Settings of write-through; from [`Writes::through`].
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Retry, Tiered, Writes};
/// use std::time::Duration;
///
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(100))
///     .store(InMemory::new())
///     .writes(Writes::through().timeout(Duration::from_secs(2)).retry(Retry::times(3)))
///     .build()?;
/// cache.put(1, "one".to_owned()).wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until they are given to `Tiered::builder().writes(..)`"]
pub struct Through {
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Retry,
}

impl Through {
    /// How long the store may take for a write, retries and their pauses included; no limit by
    /// default. Rounded up to milliseconds, measured by the clock of the memory tier.
    ///
    /// No retry is begun that would come after that time: the write is refused, as it was when it was
    /// tried last. One that the store takes longer for is answered with
    /// [`PutError::Unknown`](crate::PutError::Unknown), and runs on by itself, without retries. Until it has ended, reads of the key ask
    /// the store and keep nothing, and further writes of it are answered with `Busy`, unless the
    /// sink is [stamp-conditional](crate::Sink::is_stamp_conditional).
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How often a write that the store refused is tried again; never by default. One of which
    /// the store cannot tell what became is not.
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

/// What a write-behind put meets when there is no room for it.
///
/// ```
/// use cache_tiered::{WhenFull, Writes};
///
/// let behind = Writes::behind("cache.journal").max_dirty(10_000).when_full(WhenFull::Refuse);
/// # drop(behind);
/// assert_eq!(WhenFull::default(), WhenFull::Wait);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits until the store has taken some of what is dirty.
    #[default]
    Wait,
    /// It is answered with `Backpressure` at once.
    Refuse,
}

/// Settings of write-behind; from [`Writes::behind`].
///
/// Keys and values go through codecs to the journal: [`Raw`] by default.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Retry, Tiered, Writes};
/// use std::time::Duration;
///
/// let directory = tempfile::tempdir()?;
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(100))
///     .store(InMemory::new())
///     .writes(
///         Writes::behind(directory.path().join("journal"))
///             .max_delay(Duration::from_secs(1))
///             .max_dirty(50_000)
///             .retry(Retry::times(20)),
///     )
///     .build()?;
/// cache.put(1, "one".to_owned()).wait()?; // in the journal, and soon in the store
/// assert_eq!(cache.flush().wait()?.dead, 0);
/// assert_eq!(cache.store().load(&1).wait()?.as_deref(), Some("one"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until they are given to `Tiered::builder().writes(..)`"]
pub struct Behind<C = Raw, D = Raw> {
    pub(crate) settings: WriteBehindSettings,
    pub(crate) keys: C,
    pub(crate) values: D,
}

/// What does not depend on the codecs.
#[derive(Clone, Debug)]
pub(crate) struct WriteBehindSettings {
    pub(crate) journal: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) capacity_bytes: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) salvage: bool,
    pub(crate) dead_letters_max: usize,
    pub(crate) max_delay: Duration,
    pub(crate) max_dirty: usize,
    pub(crate) max_dirty_bytes: usize,
    pub(crate) batch: usize,
    pub(crate) lanes: usize,
    pub(crate) retry: Retry,
    pub(crate) when_full: WhenFull,
}

impl WriteBehindSettings {
    fn new(journal: PathBuf) -> Self {
        Self {
            journal,
            durability: Durability::Process,
            capacity_bytes: 512 << 20,
            segment_bytes: 16 << 20,
            salvage: false,
            dead_letters_max: 10_000,
            max_delay: Duration::from_secs(1),
            max_dirty: 100_000,
            max_dirty_bytes: 256 << 20,
            batch: 256,
            lanes: 2,
            retry: Retry::times(9),
            when_full: WhenFull::Wait,
        }
    }
}

impl<C, D> Behind<C, D> {
    /// What an acknowledged write survives: [`Durability::Process`] by default, or
    /// [`Durability::Power`]. `Volatile` is taken for `Process`.
    ///
    /// With `Power` the store is [flushed](crate::Sink::flush) before the journal lets go of what
    /// was applied. With `Process` what the store acknowledges has to survive the death of the
    /// process by itself.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// Bytes that the files of the journal may take, in segments of how many; 512 MiB in segments
    /// of 16 MiB by default. A key and its value have to fit a segment; the capacity is four
    /// segments or more.
    pub const fn journal_bytes(mut self, capacity: u64, segment: u64) -> Self {
        self.settings.capacity_bytes = capacity;
        self.settings.segment_bytes = segment;
        self
    }

    /// Opens a damaged journal: what can be read is kept, what can not is lost, and the damaged
    /// files are moved aside. Not by default: damage is an error then.
    pub const fn salvage(mut self, salvage: bool) -> Self {
        self.settings.salvage = salvage;
        self
    }

    /// Dead letters at most; 10,000 by default. What would be one more is tried again for ever.
    /// They are held in memory.
    pub const fn dead_letters_max(mut self, dead_letters: usize) -> Self {
        self.settings.dead_letters_max = dead_letters;
        self
    }

    /// How long a change may wait before it is given to the store; a second by default. The longer,
    /// the more changes of one key become one.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.settings.max_delay = delay;
        self
    }

    /// Dirty keys at most; 100,000 by default, at least 1. Beyond seven eighths of them the coldest
    /// go to the store before their time.
    pub const fn max_dirty(mut self, keys: usize) -> Self {
        self.settings.max_dirty = keys;
        self
    }

    /// Bytes of dirty keys and values at most, as encoded; 256 MiB by default. A single change
    /// that is larger is taken while nothing else is dirty.
    pub const fn max_dirty_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_dirty_bytes = bytes;
        self
    }

    /// Changes in one call of the store at most; 256 by default, at least 1.
    pub const fn batch(mut self, changes: usize) -> Self {
        self.settings.batch = changes;
        self
    }

    /// Calls of the store at a time, each on a thread of its own; 2 by default, at least 1. Those
    /// that hang keep theirs.
    pub const fn lanes(mut self, lanes: usize) -> Self {
        self.settings.lanes = lanes;
        self
    }

    /// How often a change is given to the store, and after which pauses, before it becomes a dead
    /// letter; ten times by default. Only failures of the change itself count: while the store
    /// takes nothing at all, it is probed after such pauses, and no attempts are used up.
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// What a put meets when as much is dirty as may be, or the journal is full; it waits by
    /// default.
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.settings.when_full = when_full;
        self
    }

    /// The codec of values in the journal.
    pub fn codec<E>(self, codec: E) -> Behind<C, E> {
        Behind {
            settings: self.settings,
            keys: self.keys,
            values: codec,
        }
    }

    /// The codec of keys in the journal.
    pub fn key_codec<E>(self, codec: E) -> Behind<E, D> {
        Behind {
            settings: self.settings,
            keys: codec,
            values: self.values,
        }
    }
}

impl<C, D> fmt::Debug for Behind<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behind")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
