//! fjall: a database, so that it drops nothing.

use std::path::Path;

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::on_disk::{MEMORY, OnDisk, WORKS};

pub(super) struct Fjall {
    database: Database,
    keyspace: Keyspace,
}

impl OnDisk for Fjall {
    const NAME: &'static str = "fjall";

    fn open(directory: &Path) -> Self {
        let database = Database::builder(directory.join("data")).cache_size(MEMORY as u64);
        let database = database.open().expect(WORKS);
        let keyspace = database
            .keyspace("values", KeyspaceCreateOptions::default)
            .expect(WORKS);
        Self { database, keyspace }
    }
    fn put(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        for (key, value) in values {
            self.keyspace.insert(key.to_be_bytes(), value).expect(WORKS);
        }
    }
    async fn get(&self, key: u64, look: fn(&[u8]) -> u64) -> Option<u64> {
        let value = self.keyspace.get(key.to_be_bytes()).expect(WORKS);
        value.map(|value| look(&value))
    }
    /// Flushes its table in memory besides, as a cache that is closed has all of its values on disk.
    fn close(self) {
        self.database.persist(PersistMode::SyncAll).expect(WORKS);
    }
}
