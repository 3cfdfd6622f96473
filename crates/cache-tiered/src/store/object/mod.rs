//! `ObjectStore`: a store of one object a key, in a folder or in a service such as S3.

mod error;
mod folder;
mod name;
mod options;
mod write;

pub use self::error::{ObjectStoreError, ObjectStoreOpenError};
pub use self::options::ObjectStoreOptions;

use self::folder::Folder;
use self::name::Names;
use self::write::Change;
use super::runtime::Runtime;
use crate::codec::{Codec, Raw};
use crate::sink::{Applied, ApplyError, Mutation, Sink};
use crate::source::{Loaded, Source};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore as Client, ObjectStoreExt};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A store of one object a key: in a folder, or in S3 and whatever else the crate
/// [object_store](crate::object_store) has a client for.
///
/// The object is the bytes that the codec makes of the value, under a name that the bytes of the key
/// have: `a` to `z`, digits, `-` and `_` as they are, and any other byte as `=` and two digits in base 16.
/// Behind each 200 of them is a `+`, and the rest is below that. So names have no `.` and no `/` from a key, and
/// differ in more than the case of letters.
///
/// A client of S3 comes with the feature `aws` of object_store, which your own manifest turns on; its
/// settings say how long it waits and how often it asks again. All of it runs on a thread of its own.
///
/// # Writes
///
/// A mutation asks whether there is an object, then puts or deletes it. No service takes several at once or not at
/// all: those of a batch go side by side, as many as [`requests`](ObjectStoreOptions::requests) says,
/// and those of one key one after the other. If one of them fails when others took effect, the whole is
/// [`ApplyError::Unknown`]; it is [`ApplyError::Refused`] only if nothing took effect.
///
/// A write has no time limit but those of the client, and its failure is `Unknown` unless the service said
/// that it takes no such write: a request that nobody answered may have been carried out. That it
/// is not carried out still later, nobody can promise but the service; S3 lets a request that came
/// earlier not prevail over a later one. In a folder it is looked at what became of a write.
///
/// # Examples
///
/// ```
/// use cache_tiered::{MemoryTier, ObjectStore, Tiered};
///
/// let directory = tempfile::tempdir()?;
/// let store = ObjectStore::options().prefix("users").folder(directory.path())?;
/// let cache: Tiered<u64, String> =
///     Tiered::builder().memory(MemoryTier::entries(1_000)).store(store).build()?;
/// cache.put(1, "one".to_owned()).wait()?;
/// assert_eq!(cache.store().load(&1).wait()?.as_deref(), Some("one"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ObjectStore<C = Raw, D = Raw> {
    keys: C,
    values: D,
    names: Names,
    shared: Arc<Shared>,
    runtime: Runtime,
}

/// What happened in an [`ObjectStore`] so far.
///
/// ```
/// use cache_tiered::{MemoryTier, ObjectStore, Tiered};
///
/// let directory = tempfile::tempdir()?;
/// let store = ObjectStore::options().folder(directory.path())?;
/// let cache: Tiered<u64, u64> =
///     Tiered::builder().memory(MemoryTier::entries(100)).store(store).build()?;
/// cache.put(1, 10).wait()?;
/// let store: &ObjectStore = cache.store().downcast_ref().expect("its type");
/// assert_eq!((store.stats().puts, store.stats().deletes), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectStoreStats {
    /// Keys asked for.
    pub loads: u64,
    /// Objects written.
    pub puts: u64,
    /// Objects deleted.
    pub deletes: u64,
    /// Loads and writes that failed.
    pub failures: u64,
}

/// What tasks on the runtime need.
struct Shared {
    client: Arc<dyn Client>,
    /// There if the client is one of a folder.
    folder: Option<Folder>,
    read_timeout: Duration,
    requests: usize,
    /// One a question that is under way.
    reads: Semaphore,
    /// One an object that is written.
    writes: Semaphore,
    counts: Counts,
}

/// Statistics alone: Relaxed.
#[derive(Default)]
struct Counts {
    loads: AtomicU64,
    puts: AtomicU64,
    deletes: AtomicU64,
    failures: AtomicU64,
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    /// What a reading request answers, within its time.
    async fn read<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<Option<T>, ObjectStoreError> {
        let limited = async {
            let _turn = self.reads.acquire().await;
            request.await
        };
        match timeout(self.read_timeout, limited).await {
            Err(_) => Err(ObjectStoreError::TimedOut {
                after: self.read_timeout,
            }),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(answer) => Ok(Some(answer?)),
        }
    }

    async fn load(&self, path: &Path) -> Result<Option<Bytes>, ObjectStoreError> {
        add(&self.counts.loads);
        let loaded = self
            .read(async { self.client.get(path).await?.bytes().await })
            .await;
        if loaded.is_err() {
            add(&self.counts.failures);
        }
        loaded
    }

    async fn exists(&self, path: &Path) -> Result<bool, ObjectStoreError> {
        Ok(self.read(self.client.head(path)).await?.is_some())
    }
}

impl ObjectStore {
    /// Options for opening a store; none has to be set.
    pub fn options() -> ObjectStoreOptions {
        ObjectStoreOptions::new()
    }
}

impl<C, D> ObjectStore<C, D> {
    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> ObjectStoreStats {
        let counts = &self.shared.counts;
        ObjectStoreStats {
            loads: counts.loads.load(Ordering::Relaxed),
            puts: counts.puts.load(Ordering::Relaxed),
            deletes: counts.deletes.load(Ordering::Relaxed),
            failures: counts.failures.load(Ordering::Relaxed),
        }
    }

    /// The client.
    pub fn client(&self) -> &Arc<dyn Client> {
        &self.shared.client
    }

    /// Where the value of a key is, as the client knows it.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError`] if the key has no bytes, or too many.
    pub fn path<K>(&self, key: &K) -> Result<Path, ObjectStoreError>
    where
        C: Codec<K>,
    {
        self.names.path(self.keys.encode(key, &mut Vec::new())?)
    }

    fn decode<V>(&self, bytes: Option<Bytes>) -> Result<Loaded<V>, ObjectStoreError>
    where
        D: Codec<V>,
    {
        let value = bytes.map(|bytes| self.values.decode(&bytes)).transpose()?;
        Ok(value.into())
    }

    fn change<K, V>(&self, mutation: &Mutation<K, V>) -> Result<Change, ObjectStoreError>
    where
        C: Codec<K>,
        D: Codec<V>,
    {
        let mut scratch = Vec::new();
        let value = match mutation.value() {
            None => None,
            Some(value) => Some(Bytes::copy_from_slice(
                self.values.encode(value, &mut scratch)?,
            )),
        };
        Ok(Change {
            path: self.path(mutation.key())?,
            value,
        })
    }
}

impl<K: Sync, V: Send, C: Codec<K>, D: Codec<V>> Source<K, V> for ObjectStore<C, D> {
    type Error = ObjectStoreError;

    async fn load(&self, key: &K) -> Result<Loaded<V>, ObjectStoreError> {
        let (path, shared) = (self.path(key)?, Arc::clone(&self.shared));
        let load = async move { shared.load(&path).await };
        self.decode(self.runtime.run(load).await?)
    }

    /// All at once, as many as may be under way.
    async fn load_many(&self, keys: &[K]) -> Result<Vec<Loaded<V>>, ObjectStoreError> {
        let paths: Result<Vec<Path>, _> = keys.iter().map(|key| self.path(key)).collect();
        let (paths, shared) = (paths?, Arc::clone(&self.shared));
        let load = async move {
            let spawn = |path: Path| {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { shared.load(&path).await })
            };
            let loads: Vec<_> = paths.into_iter().map(spawn).collect();
            let mut loaded = Vec::with_capacity(loads.len());
            for load in loads {
                loaded.push(write::joined(load.await)?);
            }
            Ok::<_, ObjectStoreError>(loaded)
        };
        let loaded = self.runtime.run(load).await?;
        loaded.into_iter().map(|bytes| self.decode(bytes)).collect()
    }
}

impl<K: Sync, V: Sync, C: Codec<K>, D: Codec<V>> Sink<K, V> for ObjectStore<C, D> {
    type Error = ObjectStoreError;

    async fn apply(
        &self,
        batch: &[Mutation<K, V>],
    ) -> Result<Applied, ApplyError<ObjectStoreError>> {
        let changes: Result<Vec<_>, _> =
            batch.iter().map(|mutation| self.change(mutation)).collect();
        let changes = changes.map_err(ApplyError::Refused)?;
        let shared = Arc::clone(&self.shared);
        self.runtime.run(write::apply(shared, changes)).await
    }

    async fn flush(&self) -> Result<(), ObjectStoreError> {
        let shared = Arc::clone(&self.shared);
        let flush = async move {
            match &shared.folder {
                Some(folder) => folder.flush().await,
                // A service that has answered keeps what it was told.
                None => Ok(()),
            }
        };
        self.runtime.run(flush).await
    }
}

impl<C, D> fmt::Debug for ObjectStore<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStore")
            .field("client", &format_args!("{}", self.shared.client))
            .field("prefix", &self.names.prefix())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
