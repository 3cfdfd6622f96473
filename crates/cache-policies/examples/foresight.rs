//! A cache that prefetches runs and warms what is asked for periodically, in front of a slow table.
//!
//! `cargo run -p cache-policies --example foresight`

use std::collections::HashSet;

use cache_policies::{Cache, Cause, Lru, LruConfig, Periods, PeriodsConfig, Runs, RunsConfig};

/// Rows of a table, most of which a request has to wait for.
struct Rows {
    cache: Cache<u64, String, Lru>,
    runs: Runs,
    periods: Periods<u64>,
    waits: u64,
}

impl Rows {
    fn new(foresight: bool) -> Self {
        // Without foresight both parts are there, and find nothing in so little room.
        let (streams, keys) = if foresight { (16, 1024) } else { (1, 0) };
        let confirm = if foresight { 3 } else { u8::MAX };
        Self {
            cache: Cache::builder()
                .policy::<Lru>(LruConfig::default())
                .capacity(500)
                .build()
                .expect("the defaults are in range"),
            runs: Runs::new(
                RunsConfig::default()
                    .with_streams(streams)
                    .with_confirm(confirm),
            )
            .expect("the parameters are in range"),
            periods: Periods::new(keys, PeriodsConfig::default())
                .expect("the defaults are in range"),
            waits: 0,
        }
    }

    /// Fetches a row before it is asked for; a real one would do this in the background.
    fn fetch(&mut self, row: u64) {
        if !self.cache.contains(&row) {
            self.cache
                .insert(row, format!("row {row}"))
                .expect("a row fits");
        }
    }

    fn read(&mut self, row: u64, now: u64) {
        if self.cache.get(&row).is_none() {
            self.waits += 1;
            self.fetch(row);
        }
        // Rows are hashed by the cache's own hasher, with its seed.
        self.periods.observe(self.cache.hash_of(&row), now, || row);
        let ahead = self.runs.access(0, row);
        ahead.into_iter().flatten().for_each(|row| self.fetch(row));
    }

    /// Warms what is due within the next ticks.
    fn warm(&mut self, now: u64) {
        while let Some(due) = self.periods.pop_due(now + 20) {
            let row = *due.key;
            self.fetch(row);
        }
    }
}

fn main() {
    for foresight in [false, true] {
        let mut rows = Rows::new(foresight);
        let mut state = 1u64;
        for now in 0..100_000 {
            rows.warm(now);
            // A report reads ten rows of its own every thousand ticks, a scan goes through the table, and others read
            // here and there.
            if now % 1000 < 10 {
                rows.read((1 << 30) + (now % 1000) * 64, now);
            }
            rows.read((1 << 40) + now, now);
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            rows.read((state >> 33) % 1000, now);
        }
        println!(
            "foresight {foresight}: {} waits, {} hits, {} evictions",
            rows.waits,
            rows.cache.stats().hits,
            rows.cache.stats().evictions
        );
    }

    // A prefetched row that leaves without having been read makes the windows of its run smaller.
    let mut runs = Runs::new(RunsConfig::default()).expect("the defaults are in range");
    let mut unread = HashSet::new();
    let mut cache = Cache::<u64, ()>::builder()
        .policy::<Lru>(LruConfig::default())
        .capacity(100)
        .listener(Vec::new())
        .build()
        .expect("the defaults are in range");
    let (mut fetched, mut wasted) = (0, 0);
    for position in 0..10_000 {
        // A crowd of other reads passes through the cache.
        for other in 0..5 {
            cache.insert((1 << 40) + position * 5 + other, ()).unwrap();
        }
        unread.remove(&position);
        for ahead in runs.access(0, position).into_iter().flatten() {
            fetched += 1;
            unread.insert(ahead);
            cache.insert(ahead, ()).unwrap();
        }
        for (row, (), cause) in std::mem::take(cache.listener_mut()) {
            if cause == Cause::Capacity && unread.remove(&row) {
                wasted += 1;
                runs.wasted(0, row);
            }
        }
    }
    println!("a crowded cache: {fetched} fetched ahead, {wasted} of them wasted");
}
