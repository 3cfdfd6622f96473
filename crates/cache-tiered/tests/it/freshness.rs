//! Lives by an injected clock: negative caching, refresh-ahead, stale answers, to the millisecond.

use crate::doubles::{Fate, Probe, ProbeStore, cached, read};
use cache_tiered::{Blocking, Hit, Life, LoadError, Loaded, MemoryTier, Standing, Tier, Tiered};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

struct Timed {
    cache: Tiered<u64, u64>,
    probe: Arc<Probe>,
    now: Arc<AtomicU64>,
}

impl Timed {
    fn new(tier: impl FnOnce(MemoryTier<u64, u64>) -> MemoryTier<u64, u64>) -> Self {
        let (store, now) = (ProbeStore::default(), Arc::new(AtomicU64::new(1_000)));
        let (probe, clock) = (Arc::clone(&store.0), Arc::clone(&now));
        let memory = MemoryTier::entries(10).clock(move || clock.load(Ordering::SeqCst));
        let cache = Tiered::builder()
            .memory(tier(memory))
            .store(Blocking::new(store))
            .build()
            .unwrap();
        Self { cache, probe, now }
    }

    /// Sets the time since the beginning.
    fn at(&self, milliseconds: u64) {
        self.now.store(1_000 + milliseconds, Ordering::SeqCst);
    }

    fn hit(&self, key: u64) -> Hit<u64> {
        self.cache.get(&key).wait().unwrap().unwrap()
    }

    /// Changes what the store has, past the cache.
    fn store_has(&self, key: u64, value: u64) {
        use cache_tiered::{BlockingSink, Mutation};
        BlockingSink::apply(&self.probe.entries, &[Mutation::put(key, value, 0)]).unwrap();
    }

    fn wait_for_refreshes(&self, count: u64) {
        while self.cache.stats().refreshes < count || self.cache.explain(&1).loading {
            thread::yield_now();
        }
    }

    fn wait_for_failures(&self, count: u64) {
        while self.cache.stats().refresh_failures < count || self.cache.explain(&1).loading {
            thread::yield_now();
        }
    }
}

#[test]
fn a_value_is_fresh_until_its_time_to_live_and_not_a_millisecond_longer() {
    let timed = Timed::new(|tier| tier.time_to_live(ms(50)));
    timed.cache.put(1, 10).wait().unwrap();
    timed.at(49);
    let hit = timed.hit(1);
    assert_eq!(
        (hit.tier, hit.age, hit.stale),
        (Tier::Memory, Some(ms(49)), false)
    );
    timed.at(50);
    assert_eq!(timed.hit(1).tier, Tier::Store);
}

#[test]
fn what_a_source_says_of_a_life_wins_over_the_tier() {
    let timed = Timed::new(|tier| tier.time_to_live(ms(50)));
    let load = |key, life: Life| {
        let load = timed.cache.get_or_load(&key, move |_| async move {
            Ok::<_, std::convert::Infallible>(Loaded::Value(7, life))
        });
        load.wait().unwrap().unwrap().tier
    };
    load(1, Life::DEFAULT);
    load(2, Life::DEFAULT.ttl(ms(80)));
    load(3, Life::FOREVER);
    timed.at(79);
    assert_eq!(
        (cached(&timed.cache, 1), cached(&timed.cache, 2)),
        (None, Some(7))
    );
    timed.at(1 << 40);
    assert_eq!(
        (cached(&timed.cache, 2), cached(&timed.cache, 3)),
        (None, Some(7))
    );
    let hit = timed.cache.get_cached(&3).wait().unwrap().unwrap();
    assert_eq!(hit.age, None, "time has no effect on it");
}

#[test]
fn an_absence_is_kept_for_as_long_as_the_tier_says() {
    let timed = Timed::new(|tier| tier.absent_for(ms(50)));
    assert_eq!(read(&timed.cache, 1), None);
    timed.store_has(1, 10);
    timed.at(49);
    assert_eq!((read(&timed.cache, 1), timed.probe.loads()), (None, 1));
    let explained = timed.cache.explain(&1);
    assert!(
        explained.absent && explained.fresh_for == Some(ms(1)),
        "{explained:?}"
    );
    timed.at(50);
    assert_eq!((read(&timed.cache, 1), timed.probe.loads()), (Some(10), 2));
}

#[test]
fn a_put_ends_a_known_absence() {
    let timed = Timed::new(|tier| tier.absent_for(ms(50)));
    assert_eq!(read(&timed.cache, 1), None);
    timed.cache.put(1, 10).wait().unwrap();
    assert_eq!(cached(&timed.cache, 1), Some(10));
}

#[test]
fn hits_on_what_is_due_are_answered_at_once_and_start_one_load() {
    let timed = Timed::new(|tier| tier.time_to_live(ms(100)).refresh_after(ms(60)));
    timed.store_has(1, 10);
    assert_eq!(timed.hit(1).tier, Tier::Store);
    timed.store_has(1, 11);
    timed.at(59);
    assert_eq!(timed.hit(1).value, 10);
    assert_eq!(timed.probe.loads(), 1, "not yet due");
    timed.at(60);
    timed.probe.loaded.hold(1);
    for _ in 0..100 {
        let get = timed.cache.get(&1);
        assert!(get.is_ready());
        let hit = get.wait().unwrap().unwrap();
        assert_eq!((hit.value, hit.stale, hit.age), (10, false, Some(ms(60))));
    }
    timed.probe.loaded.wait_for(1);
    assert!(timed.cache.explain(&1).loading);
    timed.probe.loaded.open();
    timed.wait_for_refreshes(1);
    let hit = timed.hit(1);
    assert_eq!(
        (hit.value, hit.tier, hit.age),
        (11, Tier::Memory, Some(ms(0)))
    );
    assert_eq!(timed.probe.loads(), 2);
}

#[test]
fn a_thousand_threads_that_find_a_key_due_make_one_load() {
    let timed = Timed::new(|tier| tier.refresh_after(ms(60)));
    timed.store_has(1, 10);
    timed.hit(1);
    timed.at(60);
    timed.probe.loaded.hold(1);
    thread::scope(|scope| {
        for _ in 0..1_000 {
            let builder = thread::Builder::new().stack_size(128 << 10);
            builder
                .spawn_scoped(scope, || assert_eq!(timed.hit(1).value, 10))
                .unwrap();
        }
    });
    timed.probe.loaded.wait_for(1);
    timed.probe.loaded.open();
    timed.wait_for_refreshes(1);
    assert_eq!(timed.probe.loads(), 2);
}

#[test]
fn a_stale_value_answers_within_its_window_and_not_a_millisecond_longer() {
    let timed = Timed::new(|tier| tier.time_to_live(ms(100)).stale_for(ms(50)));
    timed.store_has(1, 10);
    timed.hit(1);
    timed.store_has(1, 11);
    timed.probe.loaded.hold(1);
    timed.at(149);
    let hit = timed.hit(1);
    assert_eq!((hit.value, hit.stale, hit.age), (10, true, Some(ms(149))));
    assert_eq!(timed.cache.explain(&1).standing, Some(Standing::Stale));
    timed.probe.loaded.wait_for(1);
    timed.at(150);
    assert_eq!(cached(&timed.cache, 1), None);
    thread::scope(|scope| {
        let joins = scope.spawn(|| timed.hit(1));
        timed.probe.loaded.open();
        assert_eq!((joins.join().unwrap().value, timed.probe.loads()), (11, 2));
    });
    assert_eq!(timed.cache.stats().stale, 1);
}

#[test]
fn an_old_value_answers_for_a_source_that_fails_within_its_window_only() {
    let tier = |tier: MemoryTier<u64, u64>| {
        let tier = tier.time_to_live(ms(100)).stale_if_error(ms(50));
        tier.backoff(ms(10), ms(20))
    };
    let timed = Timed::new(tier);
    timed.store_has(1, 10);
    timed.hit(1);
    timed.at(149);
    assert_eq!(cached(&timed.cache, 1), None, "nobody has failed yet");
    timed.probe.tell(Fate::Fail);
    let hit = timed.hit(1);
    assert_eq!((hit.value, hit.stale, hit.tier), (10, true, Tier::Memory));
    timed.at(150);
    timed.probe.tell(Fate::Fail);
    assert!(matches!(
        timed.cache.get(&1).wait(),
        Err(LoadError::Store(_))
    ));
    let stats = timed.cache.stats();
    assert_eq!((stats.load_failures, stats.stale), (2, 1));
}

#[test]
fn a_source_that_fails_is_left_alone_for_twice_as_long_each_time() {
    let tier = |tier: MemoryTier<u64, u64>| {
        let tier = tier.time_to_live(ms(100)).stale_if_error(ms(10_000));
        tier.backoff(ms(10), ms(30))
    };
    let timed = Timed::new(tier);
    timed.store_has(1, 10);
    timed.hit(1);
    let mut asked = Vec::new();
    for now in 100..220 {
        timed.at(now);
        let before = timed.probe.loads();
        timed.probe.fates.lock().unwrap().clear();
        timed.probe.tell(Fate::Fail);
        assert!(timed.hit(1).stale);
        if timed.probe.loads() > before {
            asked.push(now);
        }
    }
    assert_eq!(asked, [100, 110, 130, 160, 190]);
    timed.probe.fates.lock().unwrap().clear();
    timed.at(220);
    assert!(!timed.hit(1).stale);
    timed.at(320);
    timed.probe.tell(Fate::Fail);
    assert!(timed.hit(1).stale);
    timed.at(330);
    assert_eq!(
        timed.hit(1).tier,
        Tier::Store,
        "a success has reset the pause"
    );
}

#[test]
fn a_failed_refresh_is_counted_kept_from_callers_and_tried_again_after_the_pause() {
    let tier = |tier: MemoryTier<u64, u64>| {
        let tier = tier.time_to_live(ms(1_000)).refresh_after(ms(60));
        tier.backoff(ms(10), ms(30))
    };
    let timed = Timed::new(tier);
    timed.store_has(1, 10);
    timed.hit(1);
    timed.at(60);
    timed.probe.tell(Fate::Fail);
    assert_eq!(timed.hit(1).value, 10);
    timed.wait_for_failures(1);
    timed.at(69);
    assert_eq!((timed.hit(1).value, timed.probe.loads()), (10, 2));
    assert_eq!(timed.hit(1).age, Some(ms(69)), "its age goes on");
    timed.at(70);
    timed.hit(1);
    timed.wait_for_refreshes(1);
    assert_eq!(timed.probe.loads(), 3);
}

#[test]
fn a_refresh_that_panics_leaves_the_key_to_the_next_hit() {
    let timed = Timed::new(|tier| tier.refresh_after(ms(60)));
    timed.store_has(1, 10);
    timed.hit(1);
    timed.at(60);
    timed.probe.tell(Fate::Panic);
    timed.hit(1);
    while timed.probe.loads() < 2 || timed.cache.explain(&1).loading {
        thread::yield_now();
    }
    // The claim is given back by the thread that panicked, at some time after the load has ended.
    while timed.cache.stats().refreshes == 0 {
        assert_eq!(timed.hit(1).value, 10);
        thread::yield_now();
    }
    assert_eq!(timed.probe.loads(), 3);
}

#[test]
fn g1_a_put_during_a_refresh_wins() {
    let timed = Timed::new(|tier| tier.refresh_after(ms(60)));
    timed.store_has(1, 10);
    timed.hit(1);
    timed.at(60);
    timed.probe.loaded.hold(1);
    timed.hit(1);
    timed.probe.loaded.wait_for(1);
    timed.cache.put(1, 11).wait().unwrap();
    timed.probe.loaded.open();
    while timed.cache.stats().raced == 0 {
        thread::yield_now();
    }
    assert_eq!(cached(&timed.cache, 1), Some(11));
}

#[test]
fn a_refresh_that_finds_nothing_takes_the_old_value_away() {
    let timed = Timed::new(|tier| tier.refresh_after(ms(60)));
    timed.store_has(1, 10);
    timed.hit(1);
    use cache_tiered::{BlockingSink, Mutation};
    BlockingSink::apply(&timed.probe.entries, &[Mutation::remove(1, 0)]).unwrap();
    timed.at(60);
    timed.hit(1);
    timed.wait_for_refreshes(1);
    assert_eq!(cached(&timed.cache, 1), None);
}

#[test]
fn a_loader_refreshes_what_it_is_asked_for_again() {
    let timed = Timed::new(|tier| tier.refresh_after(ms(60)));
    let load = |value: u64| {
        let load = timed.cache.get_or_load(&1, move |_| async move {
            Ok::<_, std::convert::Infallible>(Loaded::Value(value, Life::DEFAULT))
        });
        load.wait().unwrap().unwrap().value
    };
    assert_eq!(load(7), 7);
    timed.at(60);
    assert_eq!(load(8), 7);
    timed.wait_for_refreshes(1);
    assert_eq!((cached(&timed.cache, 1), timed.probe.loads()), (Some(8), 0));
}
