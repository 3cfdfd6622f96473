//! Options for opening a store of objects.

use super::folder::Folder;
use super::name::Names;
use super::{Counts, ObjectStore, ObjectStoreOpenError, Shared};
use crate::codec::Raw;
use crate::durability::Durability;
use crate::store::runtime::Runtime;
use object_store::ObjectStore as Client;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Options for opening an [`ObjectStore`]; from [`ObjectStore::options`].
///
/// ```
/// use cache_tiered::object_store::memory::InMemory;
/// use cache_tiered::{ObjectStore, Sink, Mutation};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// // Or an `AmazonS3Builder::from_env().with_bucket_name("bucket").build()?`.
/// let client = Arc::new(InMemory::new());
/// let store = ObjectStore::options()
///     .prefix("cache/users")
///     .read_timeout(Duration::from_secs(2))
///     .over(client)?;
/// assert_eq!(store.path(&"anna".to_owned())?.as_ref(), "cache/users/anna");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `folder` or `over`"]
pub struct ObjectStoreOptions<C = Raw, D = Raw> {
    prefix: String,
    read_timeout: Duration,
    requests: usize,
    durability: Durability,
    keys: C,
    values: D,
}

impl ObjectStoreOptions {
    pub(super) const fn new() -> Self {
        Self {
            prefix: String::new(),
            read_timeout: Duration::from_secs(10),
            requests: 16,
            durability: Durability::Process,
            keys: Raw,
            values: Raw,
        }
    }
}

impl<C, D> ObjectStoreOptions<C, D> {
    /// What all names begin with, as folders with a `/` between them; nothing by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a load waits for its answer, and for its turn; 10 s by default. It is no limit to a
    /// write, which ends as the client's own settings say.
    pub const fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// How many objects may be read, and how many written, at a time; 16 by default.
    ///
    /// # Panics
    ///
    /// If it is 0, or more than 65,536.
    pub const fn requests(mut self, requests: usize) -> Self {
        assert!(requests > 0 && requests <= 1 << 16, "requests: 1 to 65536");
        self.requests = requests;
        self
    }

    /// What an acknowledged write to a folder survives; [`Durability::Process`] by default. Services
    /// answer when a write is as durable as they make it.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How values become bytes; as they are by default.
    pub fn codec<E>(self, codec: E) -> ObjectStoreOptions<C, E> {
        ObjectStoreOptions {
            prefix: self.prefix,
            read_timeout: self.read_timeout,
            requests: self.requests,
            durability: self.durability,
            keys: self.keys,
            values: codec,
        }
    }

    /// How keys become bytes; as they are by default.
    pub fn key_codec<E>(self, codec: E) -> ObjectStoreOptions<E, D> {
        ObjectStoreOptions {
            prefix: self.prefix,
            read_timeout: self.read_timeout,
            requests: self.requests,
            durability: self.durability,
            keys: codec,
            values: self.values,
        }
    }

    /// A store of files in this folder, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreOpenError`] if it can not be used.
    pub fn folder(self, path: impl AsRef<Path>) -> Result<ObjectStore<C, D>, ObjectStoreOpenError> {
        let folder = Folder::open(path.as_ref(), self.durability == Durability::Power)?;
        let client = folder.client();
        self.open(client, Some(folder))
    }

    /// A store of what this client reaches. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreOpenError`] if the prefix is none, or there is no thread.
    pub fn over(self, client: Arc<dyn Client>) -> Result<ObjectStore<C, D>, ObjectStoreOpenError> {
        self.open(client, None)
    }

    fn open(
        self,
        client: Arc<dyn Client>,
        folder: Option<Folder>,
    ) -> Result<ObjectStore<C, D>, ObjectStoreOpenError> {
        let names = Names::new(&self.prefix)?;
        let runtime = Runtime::start("cache-objects")
            .map_err(|error| ObjectStoreOpenError::Thread(Arc::new(error)))?;
        let shared = Shared {
            client,
            folder,
            read_timeout: self.read_timeout,
            requests: self.requests,
            reads: Semaphore::new(self.requests),
            writes: Semaphore::new(self.requests),
            counts: Counts::default(),
        };
        Ok(ObjectStore {
            keys: self.keys,
            values: self.values,
            names,
            shared: Arc::new(shared),
            runtime,
        })
    }
}
