//! One criterion bench for each layer above slab-core: the hot operation alone, to follow from commit to commit.

use std::hint::black_box;

use buffer_pool::BufferPool;
use cache_policies::Cache;
use cache_tiered::MemoryCache;
use criterion::{Criterion, criterion_group, criterion_main};
use strata_benches::Sequence;

fn pool(c: &mut Criterion) {
    let pool = BufferPool::builder().build();
    c.bench_function("pool/acquire and drop 4 KiB", |b| {
        b.iter(|| pool.acquire(black_box(4096)))
    });
    c.bench_function("pool/freeze and clone 4 KiB", |b| {
        b.iter(|| {
            let frozen = pool.acquire(black_box(4096)).freeze();
            frozen.clone()
        });
    });
}

fn policy(c: &mut Criterion) {
    let keys = Sequence::seeded(9).zipf(100_000, 100_000, 0.99);
    c.bench_function("policy/s3-fifo zipf, 100,000 requests", |b| {
        b.iter(|| {
            let mut cache: Cache<u64, u64> = Cache::new(10_000);
            for &key in &keys {
                if cache.get(&key).is_none() {
                    cache.insert(key, key).expect("a weight of 1 fits");
                }
            }
            cache.len()
        });
    });
}

fn memory(c: &mut Criterion) {
    let cache: MemoryCache<u64, u64> = MemoryCache::builder()
        .capacity(10_000)
        .build()
        .expect("a capacity above 0");
    cache.insert(1, 1);
    c.bench_function("memory/get hit", |b| b.iter(|| cache.get(black_box(&1))));
}

criterion_group!(layers, pool, policy, memory);
criterion_main!(layers);
