//! Stores whose put is there after a loss of power when it returns, behind one face.

use cache_tiered::{Durability, InMemory, MemoryTier, Redb, Tiered, Writes};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase, TableDefinition};
use tempfile::TempDir;

use crate::races::directory::temporary;

/// A store that threads share. Panics where the disk fails.
pub(super) trait Durable: Sync + 'static {
    const NAME: &'static str;
    /// A new one in a directory of its own.
    fn new() -> Self;
    /// When this returns, the value survives a loss of power.
    fn put(&self, key: u64, value: &[u8]);
    fn value(&self, key: u64) -> Option<Vec<u8>>;
}

const WORKS: &str = "a disk that works";

/// Our write-behind, its journal at durability power. The store beneath is in memory: what is measured is the journal.
pub(super) struct Behind {
    cache: Tiered<u64, Vec<u8>>,
    _directory: TempDir,
}

impl Durable for Behind {
    const NAME: &'static str = "strata-behind";

    fn new() -> Self {
        let directory = temporary();
        let writes = Writes::behind(directory.path().join("journal")).durability(Durability::Power);
        let cache = Tiered::builder()
            .memory(MemoryTier::entries(100_000))
            .store(InMemory::new())
            .writes(writes);
        Self {
            cache: cache.build().expect("a cache on a directory of its own"),
            _directory: directory,
        }
    }
    fn put(&self, key: u64, value: &[u8]) {
        self.cache.put(key, value.to_vec()).wait().expect(WORKS);
    }
    fn value(&self, key: u64) -> Option<Vec<u8>> {
        let hit = self.cache.get(&key).wait().expect(WORKS);
        hit.map(|hit| hit.value)
    }
}

/// Our write-through over redb, which commits for many writers at once.
pub(super) struct Through {
    cache: Tiered<u64, Vec<u8>>,
    _directory: TempDir,
}

impl Durable for Through {
    const NAME: &'static str = "strata-through-redb";

    fn new() -> Self {
        let directory = temporary();
        let store = Redb::options()
            .durability(Durability::Power)
            .open(directory.path().join("data.redb"));
        let cache = Tiered::builder()
            .memory(MemoryTier::entries(100_000))
            .store(store.expect(WORKS));
        Self {
            cache: cache.build().expect("settings of a cache"),
            _directory: directory,
        }
    }
    fn put(&self, key: u64, value: &[u8]) {
        self.cache.put(key, value.to_vec()).wait().expect(WORKS);
    }
    fn value(&self, key: u64) -> Option<Vec<u8>> {
        let hit = self.cache.get(&key).wait().expect(WORKS);
        hit.map(|hit| hit.value)
    }
}

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("values");

/// redb as its documentation shows it: a transaction for the put, committed.
pub(super) struct RedbPut {
    database: redb::Database,
    _directory: TempDir,
}

impl Durable for RedbPut {
    const NAME: &'static str = "redb";

    fn new() -> Self {
        let directory = temporary();
        let database = redb::Database::create(directory.path().join("data.redb")).expect(WORKS);
        Self {
            database,
            _directory: directory,
        }
    }
    fn put(&self, key: u64, value: &[u8]) {
        let transaction = self.database.begin_write().expect(WORKS);
        {
            let mut table = transaction.open_table(TABLE).expect(WORKS);
            table.insert(key, value).expect(WORKS);
        }
        transaction.commit().expect(WORKS);
    }
    fn value(&self, key: u64) -> Option<Vec<u8>> {
        let transaction = self.database.begin_read().expect(WORKS);
        let table = transaction.open_table(TABLE).expect(WORKS);
        let value = table.get(key).expect(WORKS);
        value.map(|value| value.value().to_vec())
    }
}

/// fjall as its documentation shows it: an insert, then its journal synced.
pub(super) struct FjallPut {
    database: Database,
    keyspace: Keyspace,
    _directory: TempDir,
}

impl Durable for FjallPut {
    const NAME: &'static str = "fjall";

    fn new() -> Self {
        let directory = temporary();
        let database = Database::builder(directory.path().join("data"))
            .open()
            .expect(WORKS);
        let keyspace = database
            .keyspace("values", KeyspaceCreateOptions::default)
            .expect(WORKS);
        Self {
            database,
            keyspace,
            _directory: directory,
        }
    }
    fn put(&self, key: u64, value: &[u8]) {
        self.keyspace.insert(key.to_be_bytes(), value).expect(WORKS);
        self.database.persist(PersistMode::SyncAll).expect(WORKS);
    }
    fn value(&self, key: u64) -> Option<Vec<u8>> {
        let value = self.keyspace.get(key.to_be_bytes()).expect(WORKS);
        value.map(|value| value.to_vec())
    }
}
