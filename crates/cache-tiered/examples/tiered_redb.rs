//! Memory over a redb file: written with a sync, reopened, read back.
//!
//! `cargo run -p cache-tiered --features redb --example tiered_redb [FILE]`

use buffer_pool::{BufferPool, PooledBytes};
use cache_tiered::{Durability, MemoryTier, Pooled, Redb, Tiered};
use std::error::Error;
use std::path::{Path, PathBuf};

type Cache = Tiered<u64, PooledBytes>;

fn open(path: &Path, pool: &BufferPool) -> Result<Cache, Box<dyn Error>> {
    let store = Redb::options()
        .durability(Durability::Power)
        .codec(Pooled::new(pool.clone()))
        .open(path)?;
    let weigher = |_key: &u64, value: &PooledBytes| u32::try_from(value.len()).unwrap_or(u32::MAX);
    Ok(Tiered::builder()
        .memory(MemoryTier::weighted(1 << 20, weigher))
        .store(store)
        .build()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = std::env::args_os()
        .nth(1)
        .map_or_else(|| directory.path().join("data.redb"), PathBuf::from);
    let pool = BufferPool::builder().build();

    let cache = open(&path, &pool)?;
    for key in 0..100_u64 {
        let mut buffer = pool.acquire(1_000);
        buffer.extend_from_slice(&key.to_be_bytes().repeat(125));
        cache.put(key, buffer.freeze()).wait()?;
    }
    // Here the process might be killed, or the power fail: each put was synced before it returned.
    drop(cache);

    let cache = open(&path, &pool)?;
    for key in 0..100_u64 {
        let hit = cache.get(&key).wait()?.ok_or("it was put")?;
        assert_eq!(&hit.value[..], key.to_be_bytes().repeat(125));
    }
    println!("100 values came back from {}", path.display());
    cache.close().wait()?;
    Ok(())
}
