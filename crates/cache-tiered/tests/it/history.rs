//! G1 under real threads: a reader that starts after a put has returned never sees an older value.

use crate::doubles::{Fate, Probe, Random, probed, read};
use cache_tiered::{PutError, Tiered};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const KEYS: u64 = 16;
const ROUNDS: u64 = 4_000;

/// One writer a key: versions only grow, so "older" is "smaller". A removal is version 0, and is
/// followed by larger versions only; readers take an absence for the version of the last removal.
struct Key {
    /// The largest version whose put has returned.
    acknowledged: AtomicU64,
    /// The largest version whose removal has begun, and then may show as an absence.
    removed: AtomicU64,
}

fn write(cache: &Tiered<u64, u64>, keys: &[Key], writer: u64, probe: &Probe) {
    let mut random = Random(writer);
    for version in 1..=ROUNDS {
        let key = writer * 4 + random.below(4);
        let state = &keys[key as usize];
        match random.below(20) {
            0 => {
                state.removed.store(version, Ordering::SeqCst);
                // It fails where it meets a fate that another thread has told.
                if cache.remove(&key).wait().is_ok() {
                    state.acknowledged.store(version, Ordering::SeqCst);
                }
            }
            1 => drop(cache.invalidate(&key)),
            choice => {
                if choice == 2 {
                    probe.tell(
                        [Fate::Fail, Fate::DoneButUnknown, Fate::NotDoneAndUnknown]
                            [random.below(3) as usize],
                    );
                }
                // The fate may meet the call of another thread, a load included.
                match cache.put(key, version).wait() {
                    Ok(()) => state.acknowledged.store(version, Ordering::SeqCst),
                    Err(PutError::Refused { value, .. } | PutError::Unknown { value, .. }) => {
                        assert_eq!(value, version)
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}

fn check(cache: &Tiered<u64, u64>, keys: &[Key], key: u64) {
    let state = &keys[key as usize];
    let acknowledged = state.acknowledged.load(Ordering::SeqCst);
    // A load may fail, as it was told; that is no answer.
    let Ok(found) = cache.get(&key).wait() else {
        return;
    };
    match found {
        Some(hit) => assert!(
            hit.value >= acknowledged,
            "key {key}: {} after {acknowledged}",
            hit.value
        ),
        None => {
            let removed = state.removed.load(Ordering::SeqCst);
            assert!(
                removed >= acknowledged,
                "key {key}: absent after {acknowledged}, removed at {removed}"
            );
        }
    }
}

#[test]
fn g1_no_reader_goes_back_behind_an_acknowledged_write() {
    // Of sixteen keys memory holds four: every other read is a load.
    let (cache, probe) = probed(4);
    let keys: Vec<_> = (0..KEYS)
        .map(|_| Key {
            acknowledged: AtomicU64::new(0),
            removed: AtomicU64::new(0),
        })
        .collect();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for writer in 0..4 {
            let (cache, keys, start, probe) = (&cache, &keys, &start, &probe);
            scope.spawn(move || {
                start.wait();
                write(cache, keys, writer, probe);
            });
        }
        for reader in 0..4 {
            let (cache, keys, start) = (&cache, &keys, &start);
            scope.spawn(move || {
                let mut random = Random(100 + reader);
                start.wait();
                for _ in 0..4 * ROUNDS {
                    check(cache, keys, random.below(KEYS));
                }
            });
        }
    });
    probe.fates.lock().unwrap().clear();
    for key in 0..KEYS {
        assert_eq!(
            read(&cache, key),
            probe.entries.value(&key),
            "cache and store agree about key {key}"
        );
    }
    let stats = cache.stats();
    assert!(
        stats.memory.evictions > 0 && stats.loads > 0 && stats.refused > 0 && stats.unknown > 0,
        "{stats:?}"
    );
}
