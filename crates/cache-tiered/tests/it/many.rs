//! Many keys at once: get_many, prefetch, warm; and a cache over a source alone.

use crate::doubles::{Random, cached, read};
use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, InMemory, LoadError, Loaded,
    MemoryTier, Mutation, PutError, RemoveError, Tier, Tiered,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::doubles::{Gate, Told};

/// A store that notes each question, and fails, panics or miscounts where it is told to.
#[derive(Default)]
struct Ledger {
    entries: InMemory<u64, u64>,
    questions: Mutex<Vec<Vec<u64>>>,
    /// A question that has this key among others fails.
    poison: AtomicUsize,
    panics: AtomicUsize,
    miscounts: AtomicUsize,
    loaded: Gate,
}

#[derive(Clone, Default)]
struct Batched(Arc<Ledger>);

impl BlockingSource<u64, u64> for Batched {
    type Error = Told;

    fn load(&self, key: &u64) -> Result<Loaded<u64>, Told> {
        let loaded = self.load_many(&[*key])?;
        Ok(loaded.into_iter().next().unwrap())
    }

    fn load_many(&self, keys: &[u64]) -> Result<Vec<Loaded<u64>>, Told> {
        self.0.questions.lock().unwrap().push(keys.to_vec());
        let found: Vec<_> = keys.iter().map(|key| self.0.entries.value(key)).collect();
        self.0.loaded.pass();
        // Key 0 stands for none.
        let asks_for = |key: &AtomicUsize| {
            let key = key.load(Ordering::SeqCst) as u64;
            key != 0 && keys.contains(&key)
        };
        assert!(!asks_for(&self.0.panics), "the ledger was told to panic");
        if asks_for(&self.0.poison) {
            return Err(Told);
        }
        let less = usize::from(asks_for(&self.0.miscounts));
        let found = found.into_iter().map(Loaded::from);
        Ok(found.take(keys.len() - less).collect())
    }
}

impl BlockingSink<u64, u64> for Batched {
    type Error = Told;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<Told>> {
        Ok(BlockingSink::apply(&self.0.entries, batch).expect("no limit"))
    }
}

/// A cache over a store that has `key * 10` for the keys below `keys`, from 1 on.
fn batched(keys: u64) -> (Tiered<u64, u64>, Arc<Ledger>) {
    let store = Batched::default();
    let ledger = Arc::clone(&store.0);
    for key in 1..keys {
        BlockingSink::apply(&ledger.entries, &[Mutation::put(key, key * 10, 0)]).unwrap();
    }
    let cache = Tiered::builder()
        .memory(MemoryTier::entries(10_000))
        .store(Blocking::new(store))
        .build()
        .unwrap();
    (cache, ledger)
}

fn values(answers: Vec<Result<Option<cache_tiered::Hit<u64>>, LoadError>>) -> Vec<Option<u64>> {
    let value = |answer: Result<Option<cache_tiered::Hit<u64>>, _>| answer.unwrap();
    answers
        .into_iter()
        .map(|answer| value(answer).map(|hit| hit.value))
        .collect()
}

#[test]
fn many_keys_are_answered_in_their_order_by_one_question() {
    let (cache, ledger) = batched(10);
    read(&cache, 3);
    let answers = cache.get_many(&[5, 3, 99, 5, 1, 3]).wait();
    let tiers: Vec<_> = answers
        .iter()
        .flatten()
        .flatten()
        .map(|hit| hit.tier)
        .collect();
    assert_eq!(
        tiers,
        [
            Tier::Store,
            Tier::Memory,
            Tier::Store,
            Tier::Store,
            Tier::Memory
        ]
    );
    let expected = [Some(50), Some(30), None, Some(50), Some(10), Some(30)];
    assert_eq!(values(answers), expected);
    assert_eq!(*ledger.questions.lock().unwrap(), [vec![3], vec![5, 99, 1]]);
    let again = cache.get_many(&[5, 1]);
    assert!(again.is_ready());
    assert_eq!(values(again.wait()), [Some(50), Some(10)]);
    assert!(cache.get_many(&[]).wait().is_empty());
}

#[test]
fn a_question_that_fails_fails_its_keys_and_no_others() {
    let (cache, ledger) = batched(10);
    read(&cache, 3);
    ledger.poison.store(5, Ordering::SeqCst);
    let answers = cache.get_many(&[5, 3, 1]).wait();
    assert!(matches!(answers[0], Err(LoadError::Store(_))));
    assert_eq!(answers[1].as_ref().unwrap().as_ref().unwrap().value, 30);
    assert!(matches!(answers[2], Err(LoadError::Store(_))));
    assert_eq!(cached(&cache, 1), None);
    assert_eq!(read(&cache, 1), Some(10), "nothing is kept of the failure");
}

#[test]
fn a_source_that_answers_for_fewer_keys_is_told_so() {
    let (cache, ledger) = batched(10);
    ledger.miscounts.store(5, Ordering::SeqCst);
    for answer in cache.get_many(&[4, 5, 6]).wait() {
        let Err(LoadError::Store(source)) = answer else {
            panic!("{answer:?}")
        };
        assert!(source.to_string().contains("2 of 3 keys"), "{source}");
    }
}

#[test]
fn two_that_ask_for_the_same_keys_in_any_order_share_the_loads() {
    let (cache, ledger) = batched(100);
    ledger.loaded.hold(1);
    thread::scope(|scope| {
        let first = scope.spawn(|| values(cache.get_many(&[1, 2, 3]).wait()));
        ledger.loaded.wait_for(1);
        let second = scope.spawn(|| values(cache.get_many(&[4, 3, 2]).wait()));
        let third = scope.spawn(|| read(&cache, 1));
        while ledger.questions.lock().unwrap().len() < 2 || cache.stats().memory.misses < 7 {
            thread::yield_now();
        }
        ledger.loaded.open();
        assert_eq!(first.join().unwrap(), [Some(10), Some(20), Some(30)]);
        assert_eq!(second.join().unwrap(), [Some(40), Some(30), Some(20)]);
        assert_eq!(third.join().unwrap(), Some(10));
    });
    assert_eq!(*ledger.questions.lock().unwrap(), [vec![1, 2, 3], vec![4]]);
}

#[test]
fn who_waits_for_a_question_that_panics_asks_for_itself() {
    let (cache, ledger) = batched(100);
    ledger.panics.store(2, Ordering::SeqCst);
    ledger.loaded.hold(1);
    thread::scope(|scope| {
        let first = scope
            .spawn(|| catch_unwind(AssertUnwindSafe(|| cache.get_many(&[1, 2]).wait())).is_err());
        ledger.loaded.wait_for(1);
        let second = scope.spawn(|| values(cache.get_many(&[1, 7]).wait()));
        while ledger.questions.lock().unwrap().len() < 2 {
            thread::yield_now();
        }
        ledger.loaded.open();
        assert!(first.join().unwrap());
        assert_eq!(second.join().unwrap(), [Some(10), Some(70)]);
    });
}

#[test]
fn g1_a_put_during_a_question_wins_for_its_key() {
    let (cache, ledger) = batched(10);
    ledger.loaded.hold(1);
    thread::scope(|scope| {
        let many = scope.spawn(|| values(cache.get_many(&[1, 2, 3]).wait()));
        ledger.loaded.wait_for(1);
        cache.put(2, 21).wait().unwrap();
        ledger.loaded.open();
        assert_eq!(many.join().unwrap(), [Some(10), Some(20), Some(30)]);
    });
    assert_eq!((cached(&cache, 1), cached(&cache, 2)), (Some(10), Some(21)));
    assert_eq!(cache.stats().raced, 1);
}

#[test]
fn g1_many_keys_beside_puts_are_never_older_than_what_was_acknowledged() {
    use std::sync::atomic::AtomicU64;
    let (cache, _) = batched(1);
    let keys: Vec<u64> = (0..8).collect();
    let acknowledged: Vec<_> = keys.iter().map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        for reader in 0..3_u64 {
            let (cache, keys, acknowledged) = (&cache, &keys, &acknowledged);
            scope.spawn(move || {
                let mut random = Random(reader);
                for _ in 0..2_000 {
                    let asked: Vec<u64> = (0..5).map(|_| keys[random.below(8) as usize]).collect();
                    let least: Vec<_> = asked
                        .iter()
                        .map(|&key| acknowledged[key as usize].load(Ordering::SeqCst))
                        .collect();
                    let found = values(cache.get_many(&asked).wait());
                    for ((key, found), least) in asked.iter().zip(found).zip(least) {
                        assert!(found.unwrap_or(0) >= least, "key {key}");
                    }
                    cache.invalidate(&asked[0]);
                }
            });
        }
        let mut random = Random(77);
        for version in 1..=4_000 {
            let key = random.below(8);
            cache.put(key, version).wait().unwrap();
            acknowledged[key as usize].store(version, Ordering::SeqCst);
        }
    });
}

#[test]
fn prefetched_keys_are_in_memory_and_errors_are_only_counted() {
    let (cache, ledger) = batched(1_000);
    ledger.poison.store(5_000, Ordering::SeqCst);
    assert_eq!(cache.prefetch(1..600), 0);
    while cache.stats().prefetched < 599 {
        thread::yield_now();
    }
    assert_eq!(cache.prefetch([5_000, 5_001]), 0);
    while cache.stats().load_failures == 0 {
        thread::yield_now();
    }
    assert_eq!(cached(&cache, 599), Some(5_990));
    assert!(ledger.questions.lock().unwrap().len() <= 5);
    // Nobody sees to it any more, or soon: the next call starts anew.
    cache.prefetch([700]);
    while cached(&cache, 700).is_none() {
        thread::yield_now();
    }
}

#[test]
fn a_prefetch_whose_store_panics_does_not_end_prefetching() {
    let (cache, ledger) = batched(1_000);
    ledger.panics.store(5, Ordering::SeqCst);
    cache.prefetch([5]);
    while ledger.questions.lock().unwrap().is_empty() {
        thread::yield_now();
    }
    while cached(&cache, 7).is_none() {
        cache.prefetch([7]);
        thread::yield_now();
    }
}

#[test]
fn what_is_beyond_the_bound_is_dropped_and_counted() {
    let (cache, ledger) = batched(10);
    ledger.loaded.hold(1);
    cache.prefetch([1]);
    ledger.loaded.wait_for(1);
    assert_eq!(cache.prefetch(0..(1 << 16) + 3), 3);
    assert_eq!(cache.stats().prefetches_dropped, 3);
    ledger.loaded.open();
}

#[test]
fn warming_loads_what_is_missing_and_reports() {
    let (cache, ledger) = batched(3_000);
    read(&cache, 1);
    ledger.poison.store(4_000, Ordering::SeqCst);
    let report = cache.warm((1..3_100).chain([4_000])).wait();
    let total = report.loaded + report.present + report.absent + report.failed;
    assert_eq!((total, report.present), (3_100, 1));
    // The poison takes the rest of its question with it.
    assert!(report.failed >= 1 && matches!(report.error, Some(LoadError::Store(_))));
    assert_eq!(cached(&cache, 2_500), Some(25_000));
    assert!(
        ledger
            .questions
            .lock()
            .unwrap()
            .iter()
            .all(|keys| keys.len() <= 256)
    );
}

#[test]
fn warming_ends_with_the_cache() {
    let (cache, ledger) = batched(10);
    ledger.loaded.hold(1);
    thread::scope(|scope| {
        let warm = scope.spawn(|| cache.warm(1..).wait());
        ledger.loaded.wait_for(1);
        cache.close().wait().unwrap();
        ledger.loaded.open();
        warm.join().unwrap();
    });
}

#[test]
fn values_at_hand_warm_what_memory_does_not_hold() {
    let (cache, ledger) = batched(10);
    cache.put(1, 11).wait().unwrap();
    let report = cache.warm_with([(1, 10), (2, 20)]);
    assert_eq!((report.loaded, report.present), (1, 1));
    assert_eq!((cached(&cache, 1), cached(&cache, 2)), (Some(11), Some(20)));
    assert!(ledger.questions.lock().unwrap().is_empty());
}

#[test]
fn a_cache_over_a_source_alone_reads_and_refuses_writes() {
    let store = Batched::default();
    BlockingSink::apply(&store.0.entries, &[Mutation::put(1, 10, 0)]).unwrap();
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(MemoryTier::entries(10))
        .source(Blocking::new(store.clone()))
        .build()
        .unwrap();
    assert_eq!(read(&cache, 1), Some(10));
    assert!(matches!(
        cache.put(1, 11).wait(),
        Err(PutError::ReadOnly { value: 11 })
    ));
    assert!(matches!(
        cache.remove(&1).wait(),
        Err(RemoveError::ReadOnly)
    ));
    assert_eq!(
        (cached(&cache, 1), store.0.entries.value(&1)),
        (Some(10), Some(10))
    );
    assert!(cache.store().downcast_ref::<Blocking<Batched>>().is_some());
    cache.flush().wait().unwrap();
    cache.close().wait().unwrap();
}
