//! Serving requests from a cache, by one thread or by several.

use std::sync::Barrier;

use super::caches::Shared;

/// What became of the requests.
#[derive(Clone, Copy, Default)]
pub(super) struct Served {
    pub(super) hits: u64,
    /// Hits with a value that nobody put for the key.
    pub(super) wrong: u64,
}

pub(super) fn value_of(key: u64) -> u64 {
    key.rotate_left(17) ^ 0x5bd1
}

/// Reads each key, and inserts it where it missed and `fill` says so.
pub(super) fn serve<C: Shared>(cache: &C, keys: &[u64], fill: bool) -> Served {
    let mut served = Served::default();
    for &key in keys {
        match cache.value(key) {
            Some(value) => {
                served.hits += 1;
                served.wrong += u64::from(value != value_of(key));
            }
            None if fill => cache.put(key, value_of(key)),
            None => {}
        }
    }
    served
}

/// The same by `threads` threads, each with a stretch of the keys.
pub(super) fn serve_by<C: Shared>(cache: &C, keys: &[u64], threads: usize, fill: bool) -> Served {
    if threads == 1 {
        return serve(cache, keys, fill);
    }
    let gate = Barrier::new(threads);
    std::thread::scope(|scope| {
        let stretches: Vec<_> = keys
            .chunks(keys.len().div_ceil(threads))
            .map(|stretch| {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    serve(cache, stretch, fill)
                })
            })
            .collect();
        stretches
            .into_iter()
            .fold(Served::default(), |sum, stretch| {
                let served = stretch.join().expect("a cache that does not panic");
                Served {
                    hits: sum.hits + served.hits,
                    wrong: sum.wrong + served.wrong,
                }
            })
    })
}
