//! The stack that a replay runs on: the memory tier, perhaps a disk tier, over a store; opened and opened again.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use buffer_pool::{BufferPool, Classes, PooledBytes};
use cache_policies::AnyConfig;
use cache_tiered::{Durability, InMemory, MemoryTier, Pooled, Redb, Redis, Tiered, Writes};
use tempfile::TempDir;

use super::arguments::{Args, WriteMode};
use super::disk_tier::DiskTierSettings;
use super::error::ReplayError;
use super::journal::{self, JournalSettings};
use super::store_kind::StoreKind;
use crate::units::Bytes;

/// The name of the database file in its directory.
const STORE_FILE: &str = "data.redb";

/// Bytes of a key.
const KEY_SIZE: u32 = size_of::<u64>() as u32;

/// What stands before each key in Redis.
const PREFIX: &str = "strata:";

/// The tiers of a replay.
pub(crate) type Cache = Tiered<u64, PooledBytes>;

/// What a stack is made of, and where its store lies.
pub(crate) struct Stack {
    home: Home,
    pool: BufferPool,
    memory: u64,
    /// Bytes of the heaviest entry, its key included.
    heaviest: u32,
    policy: AnyConfig,
    disk: Option<DiskTierSettings>,
    /// Of write-behind; none where the store acknowledges each write.
    journal: Option<JournalSettings>,
}

enum Home {
    Memory(InMemory<u64, PooledBytes>),
    /// The URLs of a server, or of a cluster.
    Redis(StoreKind, Vec<String>),
    File {
        path: PathBuf,
        durability: Durability,
        /// Removed when the stack is dropped.
        temporary: Option<TempDir>,
    },
}

impl Stack {
    /// Finds or makes the directory; the store itself is opened by [`Stack::open`].
    pub(crate) fn prepare(args: &Args) -> Result<Self, ReplayError> {
        let pool = BufferPool::builder().classes(Classes::down_to(64)).build();
        let home = match &args.store {
            StoreKind::Memory => Home::Memory(InMemory::new()),
            kind @ StoreKind::Redis(urls) => {
                Home::Redis(kind.clone(), urls.split(',').map(str::to_owned).collect())
            }
            StoreKind::Redb => {
                let (directory, temporary) = directory(args)?;
                let path = directory.join(STORE_FILE);
                Home::File {
                    path,
                    durability: args.durability(),
                    temporary,
                }
            }
        };
        let directory = match &home {
            Home::Memory(_) | Home::Redis(..) => None,
            Home::File { path, .. } => path.parent(),
        };
        let journal = match args.writes {
            WriteMode::Behind => Some(JournalSettings::of(args, directory)?),
            WriteMode::Through => refuse_unread(directory)?,
        };
        Ok(Self {
            home,
            pool,
            memory: args.memory.get(),
            heaviest: args.value_size.largest().saturating_add(KEY_SIZE),
            policy: args.policy.clone(),
            disk: DiskTierSettings::of(args)?,
            journal,
        })
    }

    /// Builds the tiers over the store.
    pub(crate) fn open(&self) -> Result<Cache, ReplayError> {
        // What an entry weighs: its bytes, the key's included.
        let weigh = |_: &u64, value: &PooledBytes| value.len() as u32 + KEY_SIZE;
        let memory = MemoryTier::weighted(self.memory, weigh)
            .policy(self.policy.clone())
            .heaviest_entry(self.heaviest);
        let mut builder = Tiered::builder().memory(memory);
        if let Some(disk) = &self.disk {
            builder = builder.disk(disk.tier(&self.pool));
        }
        let builder = builder.writes(match &self.journal {
            None => Writes::through().into(),
            Some(journal) => journal.writes(&self.pool),
        });
        let built = match &self.home {
            Home::Memory(store) => builder.store(store.clone()).build(),
            Home::Redis(_, urls) => {
                let options = Redis::options()
                    .prefix(PREFIX)
                    .codec(Pooled::new(self.pool.clone()));
                let store = match &urls[..] {
                    [url] => options.connect(url),
                    urls => options.connect_cluster(urls),
                };
                let store = store.map_err(|error| ReplayError::Open {
                    source: error.into(),
                })?;
                builder.store(store).build()
            }
            Home::File {
                path, durability, ..
            } => {
                let options = Redb::options()
                    .durability(*durability)
                    .codec(Pooled::new(self.pool.clone()));
                let store = options.open(path);
                let store = store.map_err(|error| ReplayError::Open {
                    source: error.into(),
                })?;
                builder.store(store).build()
            }
        };
        built.map_err(|error| ReplayError::Build {
            source: error.into(),
        })
    }

    pub(crate) fn pool(&self) -> &BufferPool {
        &self.pool
    }

    /// Whether the store is files, closed with the stack, rather than a map that lives as long as this value.
    pub(crate) fn has_files(&self) -> bool {
        matches!(self.home, Home::File { .. })
    }

    /// Whether what the store has outlives its closing, rather than being read back as it is.
    pub(crate) fn outlives(&self) -> bool {
        !matches!(self.home, Home::Memory(_))
    }

    /// Whether there is nothing in store, journal and disk tier yet.
    pub(crate) fn is_new(&self) -> bool {
        let is_new = match &self.home {
            Home::Memory(_) => true,
            // Others may have written there.
            Home::Redis(..) => false,
            Home::File { path, .. } => !path.exists(),
        };
        is_new
            && self.journal.as_ref().is_none_or(JournalSettings::is_new)
            && self.disk.as_ref().is_none_or(DiskTierSettings::is_new)
    }

    /// The bytes of the store's files.
    pub(crate) fn file_bytes(&self) -> u64 {
        match &self.home {
            Home::Memory(_) | Home::Redis(..) => 0,
            Home::File { path, .. } => fs::metadata(path).map_or(0, |metadata| metadata.len()),
        }
    }

    pub(crate) fn describe_store(&self) -> String {
        match &self.home {
            Home::Memory(_) => "memory".to_owned(),
            Home::Redis(kind, _) => kind.to_string(),
            Home::File {
                path,
                durability,
                temporary,
            } => {
                let kept = if temporary.is_some() {
                    ", temporary"
                } else {
                    ""
                };
                format!("redb, durability {durability}, {}{kept}", path.display())
            }
        }
    }

    /// Whether a journal acknowledges writes.
    pub(crate) fn is_behind(&self) -> bool {
        self.journal.is_some()
    }

    pub(crate) fn describe_writes(&self) -> String {
        let journal = self.journal.as_ref();
        journal.map_or("through".to_owned(), JournalSettings::describe)
    }

    pub(crate) fn describe_disk(&self) -> String {
        let disk = self.disk.as_ref();
        disk.map_or("none".to_owned(), DiskTierSettings::describe)
    }

    pub(crate) fn describe_memory(&self) -> String {
        format!("{}, {}", self.policy, Bytes::new(self.memory))
    }
}

/// Write-through would neither see nor bring to the store what a journal holds.
fn refuse_unread(directory: Option<&Path>) -> Result<Option<JournalSettings>, ReplayError> {
    let path = directory.map(|directory| directory.join(journal::DIRECTORY));
    match path.filter(|path| path.exists()) {
        Some(path) => Err(ReplayError::Journal { path }),
        None => Ok(None),
    }
}

fn directory(args: &Args) -> Result<(PathBuf, Option<TempDir>), ReplayError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReplayError::Directory { path, source }
    };
    let Some(path) = &args.dir else {
        let temporary = tempfile::Builder::new().prefix("strata-replay-").tempdir();
        let temporary = temporary.map_err(failed(&std::env::temp_dir()))?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    if !path.exists() {
        make_private(path).map_err(failed(path))?;
    } else if !path.is_dir() {
        return Err(failed(path)(io::ErrorKind::NotADirectory.into()));
    }
    Ok((path.clone(), None))
}

/// Makes the last part of `path`, for its owner alone.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
