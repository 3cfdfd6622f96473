//! Puts that survive a loss of power, by many writers at once.

use std::sync::Barrier;
use std::time::Instant;

use super::stores::{Behind, Durable, FjallPut, RedbPut, Through};
use crate::races::directory::described;
use crate::{Contender, Effort, Sample, Workload};

const WRITERS: u64 = 64;

/// Bytes of a value.
const VALUE: usize = 256;

/// A value that tells its key and round.
fn value_of(key: u64, round: u64) -> [u8; VALUE] {
    let mut value = [0; VALUE];
    let words = value.chunks_exact_mut(8);
    for (word, place) in words.zip(0_u64..) {
        let word_of = (key << 32 | round) ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word.copy_from_slice(&word_of.to_le_bytes());
    }
    value
}

/// Time of a put, all writers together; then all values are read back.
fn round<S: Durable>(store: &S, puts_each: u64, round: u64) -> Sample {
    let gate = Barrier::new(WRITERS as usize + 1);
    let start = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let gate = &gate;
            scope.spawn(move || {
                let own = writer * puts_each..(writer + 1) * puts_each;
                let values: Vec<_> = own.map(|key| (key, value_of(key, round))).collect();
                gate.wait();
                for (key, value) in &values {
                    store.put(*key, value);
                }
            });
        }
        gate.wait();
        Instant::now()
    });
    let (elapsed, puts) = (start.elapsed(), WRITERS * puts_each);
    let is_right = |&key: &u64| {
        store
            .value(key)
            .is_some_and(|value| value == value_of(key, round))
    };
    let right = (0..puts).filter(is_right).count() as u64;
    Sample::over(puts as usize, elapsed, right).in_microseconds()
}

fn contender<S: Durable>(puts_each: u64) -> Contender {
    let mut store = None;
    let mut rounds = 0;
    Contender::new(S::NAME, move || {
        rounds += 1;
        round(store.get_or_insert_with(S::new), puts_each, rounds)
    })
}

/// 64 writers, each with its own keys and values of 256 bytes.
pub(super) fn workloads(effort: Effort) -> Vec<Workload> {
    eprintln!("tiered: files go to {}", described());
    let puts_each = effort.operations(100) as u64;
    let workload = Workload::new("tiered", "journal-power", "us")
        .answering(WRITERS * puts_each)
        .with(contender::<Behind>(puts_each))
        .with(contender::<Through>(puts_each))
        .with(contender::<RedbPut>(puts_each))
        .with(contender::<FjallPut>(puts_each));
    vec![workload]
}
