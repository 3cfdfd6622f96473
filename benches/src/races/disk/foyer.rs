//! foyer's hybrid cache, set up as its README shows: the block engine over a directory.

use std::path::Path;

use foyer::{
    BlockEngineConfig, DeviceBuilder, FsDeviceBuilder, HybridCache, HybridCacheBuilder, RecoverMode,
};

use super::on_disk::{DISK, MEMORY, OnDisk, WORKS, runtime};

/// Values between two waits: as pages, they fit its buffer of 16 MiB.
const UNWAITED: usize = 1000;

/// Parts in which memory is flushed.
const FLUSHES: u64 = 8;

pub(super) struct Foyer(HybridCache<u64, Vec<u8>>);

impl OnDisk for Foyer {
    const NAME: &'static str = "foyer";

    fn open(directory: &Path) -> Self {
        let device = FsDeviceBuilder::new(directory).with_capacity(DISK as usize);
        let engine = BlockEngineConfig::new(device.build().expect(WORKS));
        let builder = HybridCacheBuilder::new()
            .memory(MEMORY)
            .with_weighter(|_: &u64, value: &Vec<u8>| value.len())
            .storage()
            .with_engine_config(engine)
            .with_recover_mode(RecoverMode::Quiet);
        Self(runtime().block_on(builder.build()).expect(WORKS))
    }
    fn put(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        for (key, value) in values {
            self.0.insert(key, value);
        }
    }
    fn fill(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        for (place, (key, value)) in values.enumerate() {
            self.0.insert(key, value);
            if place % UNWAITED == UNWAITED - 1 {
                runtime().block_on(self.0.storage().wait());
            }
        }
        runtime().block_on(async {
            // What memory has would go to the disk all at once when it is closed, and some of it be dropped.
            for part in 0..FLUSHES {
                self.0.flush_if(|key, _| key % FLUSHES == part).await;
                self.0.storage().wait().await;
            }
        });
    }
    async fn get(&self, key: u64, look: fn(&[u8]) -> u64) -> Option<u64> {
        let entry = self.0.get(&key).await.expect(WORKS);
        entry.map(|entry| look(entry.value()))
    }
    fn close(self) {
        runtime().block_on(self.0.close()).expect(WORKS);
    }
}
