//! The design that buffer-pool grew out of: a mutexed list a class, zeroed on every reuse.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::buffers::{Buffers, Demand};

/// The seed's pool: the nine powers of two from 4 KiB to 1 MiB.
pub(super) struct SeedPool {
    idle: [Mutex<Vec<Vec<u8>>>; 9],
    counters: Mutex<[u64; 2]>,
    /// Shared by all threads, as in the seed. Relaxed: a count.
    outstanding: AtomicU64,
}

const SMALLEST: usize = 4 << 10;

/// A buffer of it, returned when it is dropped.
pub(super) struct SeedBuffer<'a> {
    pool: &'a SeedPool,
    class: usize,
    bytes: Vec<u8>,
}

impl Buffers for SeedPool {
    const NAME: &'static str = "seed-design";
    type Buffer<'a> = SeedBuffer<'a>;

    fn of(_: Demand) -> Self {
        Self {
            idle: Default::default(),
            counters: Mutex::default(),
            outstanding: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn acquire(&self, size: usize) -> SeedBuffer<'_> {
        let capacity = size.next_power_of_two().max(SMALLEST);
        let class = (capacity / SMALLEST).ilog2() as usize;
        let reused = self.idle[class]
            .lock()
            .expect("no panic under the lock")
            .pop();
        self.counters.lock().expect("no panic under the lock")[usize::from(reused.is_some())] += 1;
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        let bytes = match reused {
            Some(mut bytes) => {
                bytes.fill(0);
                bytes
            }
            None => vec![0; capacity],
        };
        SeedBuffer {
            pool: self,
            class,
            bytes,
        }
    }

    #[inline(always)]
    fn start(buffer: &mut SeedBuffer<'_>) -> *mut u8 {
        buffer.bytes.as_mut_ptr()
    }
}

impl Drop for SeedBuffer<'_> {
    fn drop(&mut self) {
        self.pool.outstanding.fetch_sub(1, Ordering::Relaxed);
        self.pool.idle[self.class]
            .lock()
            .expect("no panic under the lock")
            .push(std::mem::take(&mut self.bytes));
    }
}
