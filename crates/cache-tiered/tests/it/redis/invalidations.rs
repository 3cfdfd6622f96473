//! G5: caches over one server drop what others write, as soon as they hear of it.

use super::proxy::Proxy;
use super::server::{PATIENCE, Server};
use cache_tiered::{
    ManualClock, MemoryTier, Redis, RedisError, RedisInvalidation, RedisListener, Tier, Tiered,
};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

type Cache = Tiered<u64, String>;

const BEAT: Duration = Duration::from_millis(100);
/// Within which what was lost is made good, on a busy machine too.
const RECOVERY: Duration = Duration::from_secs(3);
const LIFE: Duration = Duration::from_secs(60);

fn cache(url: &str, clock: &ManualClock) -> Cache {
    let store = Redis::options().prefix("g5:").connect(url).unwrap();
    let tier = MemoryTier::entries(100)
        .clock(clock.clone())
        .time_to_live(LIFE);
    Tiered::builder().memory(tier).store(store).build().unwrap()
}

/// Makes a cache hear of what others write, by way of `url`.
fn follow(cache: &Cache, url: &str) -> RedisListener {
    let store = Redis::options().prefix("g5:").connect(url).unwrap();
    store.invalidations().heartbeat(BEAT).follow(cache).unwrap()
}

fn put(cache: &Cache, key: u64, value: &str) {
    cache.put(key, value.to_owned()).wait().unwrap();
}

fn read(cache: &Cache, key: u64) -> Option<(String, Tier)> {
    let hit = cache.get(&key).wait().unwrap();
    hit.map(|hit| (hit.value, hit.tier))
}

fn from_memory(value: &str) -> Option<(String, Tier)> {
    Some((value.to_owned(), Tier::Memory))
}

/// How long it takes; an answer from memory until then is the old one.
fn wait(reached: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < PATIENCE, "it does not come about");
        thread::yield_now();
    }
    began.elapsed()
}

fn is(cache: &Cache, key: u64, value: &str) -> bool {
    read(cache, key).is_some_and(|(found, _)| found == value)
}

/// Reads a key until memory answers, as it does unless something was just invalidated.
fn warm(cache: &Cache, key: u64) {
    wait(|| read(cache, key).is_some_and(|(_, tier)| tier == Tier::Memory));
}

#[test]
fn g5_what_one_cache_writes_the_other_drops_when_it_hears_of_it() {
    let (server, clock) = (Server::with(&[]), ManualClock::new());
    let (one, other) = (cache(&server.url(), &clock), cache(&server.url(), &clock));
    let _listeners = [follow(&one, &server.url()), follow(&other, &server.url())];
    let mut slowest = Duration::ZERO;
    for round in 0..200 {
        let (key, value) = (round % 7, format!("value {round}"));
        warm_or_absent(&other, key);
        put(&one, key, &value);
        slowest = slowest.max(wait(|| is(&other, key, &value)));
    }
    assert!(slowest < RECOVERY, "{slowest:?}");
    assert!(one.remove(&0).wait().unwrap());
    wait(|| read(&other, 0).is_none());
    // Others than caches change keys too.
    warm(&other, 1);
    server.ask::<()>(&["FLUSHALL"]);
    wait(|| read(&other, 1).is_none() && read(&one, 1).is_none());
}

fn warm_or_absent(cache: &Cache, key: u64) {
    wait(|| read(cache, key).is_none_or(|(_, tier)| tier == Tier::Memory));
}

#[test]
fn g5_without_a_connection_staleness_ends_with_the_time_to_live_and_at_the_latest_when_there_is_one()
 {
    let (server, clock) = (Server::with(&[]), ManualClock::new());
    let proxy = Proxy::before(server.port());
    let (one, other) = (cache(&server.url(), &clock), cache(&server.url(), &clock));
    let listener = follow(&other, &proxy.url());
    for round in 0..20 {
        let subscribed = listener.subscribed();
        let value = |step: &str| format!("{step} {round}");
        put(&one, 1, &value("first"));
        wait(|| is(&other, 1, &value("first")));
        warm(&other, 1);
        proxy.cut();
        // All is dropped at once, as who does not hear cannot know.
        wait(|| other.get_cached(&1).wait().unwrap().is_none());
        assert!(is(&other, 1, &value("first")));
        assert_eq!(read(&other, 1), from_memory(&value("first")));
        put(&one, 1, &value("second"));
        assert_eq!(
            read(&other, 1),
            from_memory(&value("first")),
            "nobody has told"
        );
        clock.advance(LIFE);
        assert!(is(&other, 1, &value("second")), "its time to live is over");
        put(&one, 1, &value("third"));
        assert_eq!(read(&other, 1), from_memory(&value("second")));
        proxy.mend();
        let took = wait(|| is(&other, 1, &value("third")));
        assert!(took < RECOVERY, "{took:?}");
        assert!(listener.subscribed() > subscribed);
    }
}

#[test]
fn g5_a_connection_that_dies_in_silence_is_missed_by_its_heartbeat() {
    let (server, clock) = (Server::with(&[]), ManualClock::new());
    let proxy = Proxy::before(server.port());
    let (one, other) = (cache(&server.url(), &clock), cache(&server.url(), &clock));
    let listener = follow(&other, &proxy.url());
    put(&one, 1, "old");
    wait(|| is(&other, 1, "old"));
    warm(&other, 1);
    // Nothing comes through any more, in either direction.
    proxy.freeze();
    put(&one, 1, "new");
    assert_eq!(read(&other, 1), from_memory("old"));
    let took = wait(|| is(&other, 1, "new"));
    assert!(took < 2 * BEAT + RECOVERY, "{took:?}");
    wait(|| listener.subscribed() > 1);
}

#[test]
fn g5_a_server_that_was_killed_is_listened_to_again() {
    let (mut server, clock) = (Server::durable(), ManualClock::new());
    let (one, other) = (cache(&server.url(), &clock), cache(&server.url(), &clock));
    let listener = follow(&other, &server.url());
    for round in 1..=5 {
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        put(&one, 1, &old);
        wait(|| is(&other, 1, &old));
        warm(&other, 1);
        server.kill();
        server.start();
        let took = wait(|| listener.subscribed() > round);
        assert!(took < RECOVERY, "{took:?}");
        put(&one, 1, &new);
        wait(|| is(&other, 1, &new));
    }
}

#[test]
fn a_hook_is_told_of_keys_with_the_prefix_and_of_nothing_else() {
    let server = Server::with(&[]);
    let store = Redis::options()
        .prefix("a:")
        .connect(&server.url())
        .unwrap();
    let (told, news) = channel();
    let listener = store
        .invalidations()
        .listen(move |what: RedisInvalidation<String>| {
            told.send(what).unwrap();
        });
    let listener = listener.unwrap();
    let heard = || news.recv_timeout(PATIENCE).unwrap();
    assert_eq!(heard(), RedisInvalidation::All);
    let mut control = server.control();
    for key in [b"b:other".as_slice(), b"a:own", b"a:\xff", b"a:last"] {
        redis::cmd("SET")
            .arg(key)
            .arg(1)
            .exec(&mut control)
            .unwrap();
    }
    assert_eq!(heard(), RedisInvalidation::Key("own".to_owned()));
    assert_eq!(heard(), RedisInvalidation::Key("last".to_owned()));
    redis::cmd("FLUSHDB").exec(&mut control).unwrap();
    assert_eq!(heard(), RedisInvalidation::All);
    drop(listener);
    assert!(news.recv().is_err(), "nobody tells any more");
}

#[test]
fn a_user_who_may_not_listen_is_told_so() {
    let server = Server::with(&[]);
    server.ask::<()>(&[
        "ACL",
        "SETUSER",
        "deaf",
        "on",
        ">secret",
        "~*",
        "+@all",
        "-client|tracking",
    ]);
    let url = format!("redis://deaf:secret@127.0.0.1:{}", server.port());
    let store = Redis::options().connect(&url).unwrap();
    let refused = store.invalidations().listen::<u64>(|_| {});
    assert!(matches!(refused, Err(RedisError::Denied(_))), "{refused:?}");
}
