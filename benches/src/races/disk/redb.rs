//! redb: a database, so that it drops nothing.

use std::path::Path;

use ::redb::{Builder, Database, ReadableDatabase, TableDefinition};

use super::on_disk::{MEMORY, OnDisk, WORKS};

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("values");

/// Inserts that are committed together.
const TRANSACTION: usize = 1000;

pub(super) struct Redb(Database);

impl OnDisk for Redb {
    const NAME: &'static str = "redb";

    fn open(directory: &Path) -> Self {
        let mut builder = Builder::new();
        builder.set_cache_size(MEMORY);
        let database = builder.create(directory.join("data.redb"));
        Self(database.expect(WORKS))
    }
    fn put(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        let mut values = values.peekable();
        while values.peek().is_some() {
            let transaction = self.0.begin_write().expect(WORKS);
            {
                let mut table = transaction.open_table(TABLE).expect(WORKS);
                for (key, value) in values.by_ref().take(TRANSACTION) {
                    table.insert(key, value.as_slice()).expect(WORKS);
                }
            }
            transaction.commit().expect(WORKS);
        }
    }
    async fn get(&self, key: u64, look: fn(&[u8]) -> u64) -> Option<u64> {
        let transaction = self.0.begin_read().expect(WORKS);
        let table = transaction.open_table(TABLE).expect(WORKS);
        let value = table.get(key).expect(WORKS);
        value.map(|value| look(value.value()))
    }
    fn close(self) {
        drop(self.0);
    }
}
