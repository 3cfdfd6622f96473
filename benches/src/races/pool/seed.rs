//! The design that buffer-pool grew out of: a mutexed list a class, zeroed on every reuse.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// One class of the seed's pool.
pub(super) struct SeedPool {
    class: usize,
    idle: Mutex<Vec<Vec<u8>>>,
    counters: Mutex<[u64; 2]>,
    /// Shared by all threads, as in the seed. Relaxed: a count.
    outstanding: AtomicU64,
}

/// A buffer of it, returned when it is dropped.
pub(super) struct SeedBuffer<'a> {
    pool: &'a SeedPool,
    bytes: Vec<u8>,
}

impl SeedPool {
    pub(super) fn new(class: usize) -> Self {
        Self {
            class,
            idle: Mutex::default(),
            counters: Mutex::default(),
            outstanding: AtomicU64::new(0),
        }
    }

    pub(super) fn acquire(&self) -> SeedBuffer<'_> {
        let reused = self.idle.lock().expect("no panic under the lock").pop();
        self.counters.lock().expect("no panic under the lock")[usize::from(reused.is_some())] += 1;
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        let bytes = match reused {
            Some(mut bytes) => {
                bytes.fill(0);
                bytes
            }
            None => vec![0; self.class],
        };
        SeedBuffer { pool: self, bytes }
    }
}

impl SeedBuffer<'_> {
    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }
}

impl Drop for SeedBuffer<'_> {
    fn drop(&mut self) {
        self.pool.outstanding.fetch_sub(1, Ordering::Relaxed);
        self.pool
            .idle
            .lock()
            .expect("no panic under the lock")
            .push(std::mem::take(&mut self.bytes));
    }
}
