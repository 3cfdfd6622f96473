//! `RemoteTier`: a server in front of a store, shared by tiers that know nothing of each other.

use super::cluster::Cluster;
use super::finish;
use super::proxy::Proxy;
use super::server::{PATIENCE, Server};
use crate::doubles::{Fate, Probe, ProbeStore, Random};
use cache_tiered::{
    Blocking, Life, Loaded, MemoryTier, Mutation, Redis, RedisOptions, RemoteTier, Sink, Source,
    Tier, Tiered,
};
use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Remote = RemoteTier<Blocking<ProbeStore>>;

/// No call that is answered takes so long.
const CALL: Duration = Duration::from_secs(10);
/// Of a server that does not answer.
const CALL_SHORT: Duration = Duration::from_millis(300);
const LIFE: Duration = Duration::from_secs(100);

fn options() -> RedisOptions {
    Redis::options()
        .prefix("tier:")
        .call_timeout(CALL)
        .time_to_live(LIFE)
}

/// A tier by way of `url` in front of a store, as another process would have one.
fn tier(url: &str, store: &ProbeStore) -> Remote {
    tier_with(options(), url, store)
}

fn tier_with(options: RedisOptions, url: &str, store: &ProbeStore) -> Remote {
    let redis = options.connect(url).unwrap();
    redis.in_front_of(Blocking::new(store.clone()))
}

fn load(tier: &Remote, key: u64) -> Option<u64> {
    let loaded = finish(Source::<u64, u64>::load(tier, &key));
    loaded.unwrap().into_value()
}

fn put(tier: &Remote, key: u64, value: u64) {
    finish(Sink::apply(tier, &[Mutation::put(key, value, 1)])).unwrap();
}

fn wait(reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < PATIENCE, "it does not come about");
        thread::yield_now();
    }
}

/// Loads a key, and waits until the server has it.
fn fill(tier: &Remote, key: u64) -> Option<u64> {
    let filled = tier.stats().filled;
    let value = load(tier, key);
    wait(|| tier.stats().filled > filled);
    value
}

fn start() -> (Server, ProbeStore, Arc<Probe>) {
    let store = ProbeStore::default();
    let probe = Arc::clone(&store.0);
    (Server::with(&[]), store, probe)
}

#[test]
fn what_one_tier_has_loaded_the_others_find_and_what_one_writes_nobody_finds_old() {
    let (server, store, probe) = start();
    let (one, other) = (tier(&server.url(), &store), tier(&server.url(), &store));
    put(&one, 1, 10);
    assert_eq!(fill(&one, 1), Some(10));
    assert_eq!(
        (load(&one, 1), load(&other, 1), load(&other, 1)),
        (Some(10), Some(10), Some(10))
    );
    assert_eq!(probe.loads(), 1);
    assert_eq!(
        (one.stats().hits, one.stats().misses, other.stats().hits),
        (1, 1, 2)
    );
    put(&other, 1, 11);
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0, "emptied");
    assert_eq!(fill(&one, 1), Some(11));
    // Of an absence the store does not say that it may be kept.
    assert_eq!(load(&one, 2), None);
    wait(|| server.ask::<u64>(&["DBSIZE"]) == 1);

    let keys: Vec<u64> = (0..600).collect();
    let entries = keys[3..].iter().map(|key| Mutation::put(*key, key * 10, 1));
    finish(Sink::apply(&one, &entries.collect::<Vec<_>>())).unwrap();
    for tier in [&one, &other] {
        let loaded: Vec<Loaded<u64>> = finish(tier.load_many(&keys)).unwrap();
        for (key, loaded) in keys.iter().zip(loaded) {
            let expected = [None, Some(11), None].get(*key as usize).copied();
            let expected = expected.unwrap_or(Some(key * 10));
            assert_eq!(loaded.into_value(), expected, "{key}");
        }
        // The first and the third are absent, the second was there, and two were filled before.
        wait(|| one.stats().filled as usize == 2 + keys.len() - 3);
    }
    assert_eq!(other.stats().hits as usize, 2 + keys.len() - 2);
}

#[test]
fn a_value_lives_on_elsewhere_for_what_it_has_left() {
    struct Lives;
    impl Source<u64, u64> for Lives {
        type Error = Infallible;
        fn load(&self, key: &u64) -> impl Future<Output = Result<Loaded<u64>, Infallible>> + Send {
            let life = Life::DEFAULT.ttl(Duration::from_secs(40));
            ready(Ok(match key {
                0 => Loaded::Value(0, life),
                1 => Loaded::Absent(life),
                2 => Loaded::Value(2, Life::DEFAULT),
                3 => Loaded::Value(3, Life::FOREVER),
                4 => Loaded::Value(4, life.tag("tag")),
                5 => Loaded::Value(5, Life::NONE),
                _ => Loaded::Absent(Life::DEFAULT),
            }))
        }
    }
    let server = Server::with(&[]);
    let connect = || options().connect(&server.url()).unwrap().in_front_of(Lives);
    let (one, other) = (connect(), connect());
    let keys: Vec<u64> = (0..7).collect();
    for loaded in finish(Source::<u64, u64>::load_many(&one, &keys)).unwrap() {
        if let Loaded::Value(_, life) = loaded {
            // Where no news come, that is the end of it elsewhere.
            assert!(life.time_to_live().is_some_and(|left| left <= LIFE));
        }
    }
    // Two absences, and one that is kept; tags and what is not to be kept stay out.
    wait(|| one.stats().filled == 4 && server.ask::<u64>(&["DBSIZE"]) == 4);
    let found = finish(Source::<u64, u64>::load_many(&other, &keys)).unwrap();
    assert_eq!((other.stats().hits, other.stats().misses), (4, 3));
    for (key, loaded) in keys.into_iter().zip(found) {
        let (value, life) = match loaded {
            Loaded::Value(value, life) => (Some(value), life),
            Loaded::Absent(life) => (None, life),
        };
        assert_eq!(value, (!matches!(key, 1 | 6)).then_some(key));
        let most = match key {
            0 | 1 => Duration::from_secs(40),
            2 | 3 => LIFE,
            _ => continue,
        };
        let left = life.time_to_live().unwrap();
        assert!(
            left <= most && left > most - Duration::from_secs(30),
            "{key}: {left:?}"
        );
    }
}

#[test]
fn g5_what_was_loaded_before_a_write_does_not_fill_the_server_after_it() {
    let (server, store, probe) = start();
    let (one, other) = (tier(&server.url(), &store), tier(&server.url(), &store));
    put(&one, 1, 10);
    for round in 0..20 {
        let (old, new) = (10 + round, 11 + round);
        put(&other, 1, old);
        probe.loaded.hold(1);
        thread::scope(|scope| {
            let slow = scope.spawn(|| load(&one, 1));
            probe.loaded.wait_for(1);
            put(&other, 1, new);
            probe.loaded.open();
            assert_eq!(slow.join().unwrap(), Some(old), "it read before");
        });
        assert_eq!(load(&other, 1), Some(new));
        let hits = one.stats().hits;
        wait(|| load(&one, 1) == Some(new) && one.stats().hits > hits);
        assert_eq!(load(&one, 1), Some(new));
    }
}

#[test]
fn g5_a_look_that_comes_again_brings_no_lease_back() {
    let (server, store, probe) = start();
    let proxy = Proxy::before(server.port());
    let (one, other) = (tier(&proxy.url(), &store), tier(&server.url(), &store));
    put(&other, 1, 10);
    put(&other, 2, 20);
    assert_eq!(
        fill(&one, 2),
        Some(20),
        "it has a connection, and nothing on its way"
    );
    let key = [b"tier:".as_slice(), &1_u64.to_be_bytes()].concat();
    let exists = || -> bool {
        let count = redis::cmd("EXISTS").arg(&key).query(&mut server.control());
        count.unwrap()
    };
    probe.loaded.hold(1);
    proxy.hold();
    thread::scope(|scope| {
        let slow = scope.spawn(|| load(&one, 1));
        proxy.wait_for_held();
        // It asks again by another connection, and has a lease from there.
        proxy.leave_clients();
        probe.loaded.wait_for(1);
        put(&other, 1, 11);
        assert!(!exists());
        proxy.release();
        wait(exists);
        probe.loaded.open();
        assert_eq!(slow.join().unwrap(), Some(10), "it read before");
    });
    // What fills the server is sent before this.
    assert_eq!(load(&one, 3), None);
    assert_eq!((load(&other, 1), load(&one, 1)), (Some(11), Some(11)));
}

#[test]
fn g5_while_a_write_is_under_way_nothing_fills_the_server() {
    let (server, store, probe) = start();
    let (one, other) = (tier(&server.url(), &store), tier(&server.url(), &store));
    put(&one, 1, 10);
    fill(&one, 1);
    probe.applying.hold(1);
    thread::scope(|scope| {
        let write = scope.spawn(|| put(&one, 1, 11));
        probe.applying.wait_for(1);
        // Either is right: the write has not ended.
        assert_eq!(load(&other, 1), Some(10));
        assert_eq!(other.stats().bypassed, 1);
        // The block is lost, and the other one fills the server with what is about to be old.
        server.ask::<()>(&["FLUSHALL"]);
        fill(&other, 1);
        assert_eq!((load(&other, 1), other.stats().hits), (Some(10), 1));
        probe.applying.open();
        write.join().unwrap();
    });
    assert_eq!((load(&other, 1), load(&one, 1)), (Some(11), Some(11)));
}

#[test]
fn g5_two_writers_of_a_key_leave_nothing_old_whoever_ends_first() {
    let (server, store, probe) = start();
    let (one, other) = (tier(&server.url(), &store), tier(&server.url(), &store));
    put(&one, 1, 10);
    probe.applying.hold(1);
    thread::scope(|scope| {
        let late = scope.spawn(|| put(&one, 1, 12));
        probe.applying.wait_for(1);
        put(&other, 1, 11);
        assert_eq!(fill(&other, 1), Some(11));
        probe.applying.open();
        late.join().unwrap();
    });
    assert_eq!((load(&other, 1), load(&one, 1)), (Some(12), Some(12)));
    wait(|| {
        load(&other, 1);
        other.stats().hits > 0
    });
    assert_eq!(load(&other, 1), Some(12));
}

#[test]
fn g1_what_the_server_could_not_be_told_is_loaded_from_the_store_until_it_is() {
    let (server, store, probe) = start();
    let proxy = Proxy::before(server.port());
    let (one, other) = (tier(&proxy.url(), &store), tier(&server.url(), &store));
    put(&one, 1, 10);
    for round in 0..5 {
        let (old, new) = (10 + round, 11 + round);
        let hits = other.stats().hits;
        wait(|| load(&other, 1) == Some(old) && other.stats().hits > hits);
        proxy.cut();
        put(&one, 1, new);
        assert_eq!(one.stats().owed, 1);
        assert_eq!(
            load(&other, 1),
            Some(old),
            "nobody has told: its time to live counts"
        );
        for _ in 0..20 {
            assert_eq!(load(&one, 1), Some(new));
        }
        proxy.mend();
        // The server can be asked again, and still has the old value until it has heard.
        wait(|| {
            assert_eq!(load(&one, 1), Some(new));
            one.stats().owed == 0
        });
        assert_eq!(load(&other, 1), Some(new));
    }
    assert_eq!(probe.entries.value(&1), Some(15));
}

#[test]
fn g1_what_the_server_has_refused_to_empty_is_loaded_from_the_store() {
    let (server, store, _probe) = start();
    let (one, other) = (tier(&server.url(), &store), tier(&server.url(), &store));
    let allow = |sign: &str| {
        for command in ["set", "del"] {
            let rule = format!("{sign}{command}");
            server.ask::<()>(&["ACL", "SETUSER", "default", &rule]);
        }
    };
    put(&one, 1, 10);
    fill(&other, 1);
    assert_eq!(load(&one, 1), Some(10));
    allow("-");
    put(&one, 1, 11);
    assert_eq!(one.stats().owed, 1);
    assert_eq!(load(&other, 1), Some(10), "nobody has told");
    for _ in 0..20 {
        assert_eq!(load(&one, 1), Some(11));
    }
    assert_eq!((one.stats().hits, one.stats().breaker_opened), (1, 0));
    allow("+");
    wait(|| {
        assert_eq!(load(&one, 1), Some(11));
        one.stats().owed == 0
    });
    assert_eq!(load(&other, 1), Some(11));
}

#[test]
fn a_server_that_does_not_answer_fails_no_call_and_is_left_alone() {
    let (mut server, store, probe) = start();
    let tier = tier_with(options().call_timeout(CALL_SHORT), &server.url(), &store);
    put(&tier, 1, 10);
    fill(&tier, 1);
    server.stop();
    let mut slowest = Duration::ZERO;
    for round in 0..30 {
        let began = Instant::now();
        put(&tier, 2, round);
        assert_eq!(load(&tier, 1), Some(10));
        assert_eq!(load(&tier, 2), Some(round));
        slowest = slowest.max(began.elapsed());
    }
    let stats = tier.stats();
    assert!(stats.breaker_opened > 0, "{stats:?}");
    // Each of four calls may take its time.
    assert!(
        slowest < 4 * CALL_SHORT + Duration::from_secs(1),
        "{slowest:?}"
    );
    assert!(probe.loads() > 60, "the store has answered");
    server.resume();
    wait(|| {
        let hits = tier.stats().hits;
        assert_eq!((load(&tier, 1), load(&tier, 2)), (Some(10), Some(29)));
        tier.stats().hits == hits + 2 && tier.stats().owed == 0
    });
    server.kill();
    assert_eq!((load(&tier, 1), load(&tier, 2)), (Some(10), Some(29)));
    put(&tier, 2, 30);
    server.start();
    wait(|| {
        assert_eq!(load(&tier, 2), Some(30));
        tier.stats().owed == 0
    });
}

#[test]
fn errors_of_the_store_reach_the_caller_and_give_the_lease_back() {
    let (server, store, probe) = start();
    let tier = tier(&server.url(), &store);
    put(&tier, 1, 10);
    probe.tell(Fate::Fail);
    assert!(finish(Source::<u64, u64>::load(&tier, &1)).is_err());
    wait(|| server.ask::<u64>(&["DBSIZE"]) == 0);
    fill(&tier, 1);
    for (fate, value) in [
        (Fate::Fail, 10),
        (Fate::DoneButUnknown, 11),
        (Fate::NotDoneAndUnknown, 11),
    ] {
        fill_or_find(&tier, 1);
        probe.tell(fate);
        let failed = finish(Sink::apply(&tier, &[Mutation::put(1, 11, 1)]));
        assert!(failed.is_err(), "{fate:?}");
        assert_eq!(load(&tier, 1), Some(value), "{fate:?}");
    }
}

fn fill_or_find(tier: &Remote, key: u64) {
    wait(|| {
        let hits = tier.stats().hits;
        load(tier, key);
        tier.stats().hits > hits
    });
}

#[test]
fn who_has_changed_the_store_by_other_ways_can_say_so() {
    let (server, store, probe) = start();
    let (one, other) = (tier(&server.url(), &store), tier(&server.url(), &store));
    put(&one, 1, 10);
    fill(&one, 1);
    let behind = Blocking::new(store.clone());
    finish(Sink::apply(&behind, &[Mutation::put(1, 11, 1)])).unwrap();
    assert_eq!(load(&other, 1), Some(10));
    finish(one.invalidate(&1_u64));
    assert_eq!(
        (load(&other, 1), probe.entries.value(&1)),
        (Some(11), Some(11))
    );
}

#[test]
fn what_others_have_written_there_is_no_value_and_harms_nobody() {
    let (server, store, _probe) = start();
    let tier = tier(&server.url(), &store);
    let key = [b"tier:".as_slice(), &1_u64.to_be_bytes()].concat();
    for foreign in [&b"foreign"[..], b"", b"V", b"V123", b"A1", b"L"] {
        put(&tier, 1, 10);
        redis::cmd("SET")
            .arg(&key)
            .arg(foreign)
            .exec(&mut server.control())
            .unwrap();
        assert_eq!(load(&tier, 1), Some(10), "{foreign:?}");
        put(&tier, 1, 10);
        assert_eq!(fill(&tier, 1), Some(10), "a write makes room");
    }
    redis::cmd("DEL")
        .arg(&key)
        .exec(&mut server.control())
        .unwrap();
    redis::cmd("LPUSH")
        .arg(&key)
        .arg("a")
        .exec(&mut server.control())
        .unwrap();
    assert_eq!(load(&tier, 1), Some(10));
    finish(tier.invalidate(&1_u64));
    assert_eq!(tier.stats().owed, 0, "it is not a tier's");
    let kind: String = redis::cmd("TYPE")
        .arg(&key)
        .query(&mut server.control())
        .unwrap();
    assert_eq!(kind, "list");
    put(&tier, 1, 11);
    assert_eq!((load(&tier, 1), tier.stats().owed), (Some(11), 0));
}

#[test]
fn g5_caches_before_it_drop_what_others_write_and_keep_what_they_write_themselves() {
    let (server, store, _probe) = start();
    let cache = || {
        let tier = tier(&server.url(), &store);
        let invalidations = tier.invalidations().heartbeat(PATIENCE);
        let memory = MemoryTier::entries(100);
        let cache: Tiered<u64, u64> = Tiered::builder()
            .memory(memory)
            .store(tier)
            .build()
            .unwrap();
        let listener = invalidations.follow(&cache).unwrap();
        (cache, listener)
    };
    let ((one, first), (other, _second)) = (cache(), cache());
    assert_eq!(first.subscribed(), 1);
    let read = |cache: &Tiered<u64, u64>, key| {
        let hit = cache.get(&key).wait().unwrap();
        hit.map(|hit| (hit.value, hit.tier))
    };
    for round in 0..200 {
        let key = round % 7;
        // The other one has it in memory, whence a message alone drops it.
        wait(|| read(&other, key).is_none_or(|(_, tier)| tier == Tier::Memory));
        one.put(key, round).wait().unwrap();
        wait(|| read(&other, key).is_some_and(|(value, _)| value == round));
        assert_eq!(
            read(&one, key),
            Some((round, Tier::Memory)),
            "it is its own"
        );
    }
    assert!(one.remove(&0).wait().unwrap());
    wait(|| read(&other, 0).is_none());
}

/// Writers of their own keys, and readers: nobody finds less than what a write that had ended before
/// he began has written, wherever it was written.
#[test]
fn g5_with_many_tiers_at_once_nobody_reads_what_was_overwritten_before() {
    const KEYS: usize = 3;
    const WRITES: u64 = 300;
    let (server, store, _probe) = start();
    let ended: [AtomicU64; KEYS] = [const { AtomicU64::new(0) }; KEYS];
    let hits = AtomicU64::new(0);
    thread::scope(|scope| {
        for key in 0..KEYS {
            let (tier, ended) = (tier(&server.url(), &store), &ended[key]);
            scope.spawn(move || {
                for value in 1..=WRITES {
                    put(&tier, key as u64, value);
                    wait(|| tier.stats().owed == 0);
                    ended.store(value, Ordering::SeqCst);
                }
            });
        }
        for reader in 0..3 {
            let (tier, ended, hits) = (tier(&server.url(), &store), &ended, &hits);
            scope.spawn(move || {
                let mut random = Random(reader);
                while ended
                    .iter()
                    .any(|ended| ended.load(Ordering::SeqCst) < WRITES)
                {
                    let key = random.below(KEYS as u64);
                    let least = ended[key as usize].load(Ordering::SeqCst);
                    let value = load(&tier, key).unwrap_or(0);
                    assert!(
                        value >= least,
                        "{value} of key {key}, {least} or more was due"
                    );
                }
                hits.fetch_add(tier.stats().hits, Ordering::SeqCst);
            });
        }
    });
    let hits = hits.into_inner();
    assert!(hits > 0, "the server has answered nobody");
}

#[test]
fn a_cluster_is_a_tier_too() {
    let cluster = Cluster::new(0);
    let store = ProbeStore::default();
    let connect = || {
        let urls = cluster.nodes.iter().map(Server::url);
        let redis = options().connect_cluster(urls).unwrap();
        redis.in_front_of(Blocking::new(store.clone()))
    };
    let (one, other) = (connect(), connect());
    let memory = MemoryTier::entries(1_000);
    let invalidations = other.invalidations();
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(memory)
        .store(other.clone())
        .build()
        .unwrap();
    let listener = invalidations.follow(&cache).unwrap();
    assert_eq!(listener.subscribed(), 3);
    let keys: Vec<u64> = (0..200).collect();
    for round in 0..3 {
        let entries = keys.iter().map(|key| Mutation::put(*key, key + round, 1));
        finish(Sink::apply(&one, &entries.collect::<Vec<_>>())).unwrap();
        for _ in 0..2 {
            let filled = one.stats().filled;
            let loaded: Vec<Loaded<u64>> = finish(one.load_many(&keys)).unwrap();
            let values = loaded
                .into_iter()
                .map(|loaded| loaded.into_value().unwrap());
            assert!(values.eq(keys.iter().map(|key| key + round)));
            let due = filled.next_multiple_of(200).max(200 * (round + 1));
            wait(|| one.stats().filled == due);
        }
        wait(|| {
            let read = |key: &u64| cache.get(key).wait().unwrap().unwrap().value;
            keys.iter().all(|key| read(key) == key + round)
        });
    }
    assert!(other.stats().hits > 0);
    assert_eq!(one.stats().hits, 600);
}
