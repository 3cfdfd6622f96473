//! G3: a write without an answer has ended when the store says so, whatever is on its way still.

use super::proxy::Proxy;
use super::server::Server;
use super::{load, put, value};
use cache_tiered::{ApplyError, MemoryTier, PutError, Redis, RedisError, Tiered, Writes};
use std::thread;
use std::time::Duration;

/// Calls that are to fail take it; long enough for all others on a busy machine.
const SHORT: Duration = Duration::from_millis(250);
const ROUNDS: u64 = 10;

fn unknown(outcome: super::Outcome) -> RedisError {
    match outcome {
        Err(ApplyError::Unknown(error)) => error,
        other => panic!("not an unknown outcome: {other:?}"),
    }
}

#[test]
fn g3_a_write_that_comes_to_the_server_after_its_end_has_no_effect() {
    let server = Server::with(&[]);
    let proxy = Proxy::before(server.port());
    let store = Redis::options()
        .call_timeout(SHORT)
        .connect(&proxy.url())
        .unwrap();
    let other = Redis::options().connect(&server.url()).unwrap();
    for round in 0..ROUNDS {
        let (late, new) = (format!("late {round}"), format!("new {round}"));
        put(&other, 1, "old").unwrap();
        proxy.hold();
        assert!(matches!(
            unknown(put(&store, 1, &late)),
            RedisError::TimedOut { .. }
        ));
        proxy.wait_for_held();
        put(&other, 1, &new).unwrap();
        proxy.release();
        // The server has read all that came before this on any connection.
        put(&store, 2, "afterwards").unwrap();
        assert_eq!(value(&other, 1), Some(new));
    }
    assert_eq!(store.stats().ended, ROUNDS);
}

#[test]
fn g3_a_write_has_no_end_while_the_server_is_stopped_and_has_one_when_it_goes_on() {
    let mut server = Server::with(&[]);
    let store = Redis::options()
        .call_timeout(SHORT)
        .connect(&server.url())
        .unwrap();
    let other = Redis::options().connect(&server.url()).unwrap();
    for round in 0..ROUNDS {
        put(&other, 1, "old").unwrap();
        let late = format!("late {round}");
        server.stop();
        thread::scope(|scope| {
            let write = scope.spawn(|| put(&store, 1, &late));
            // Loads fail when their time is up, however long that one takes.
            for _ in 0..2 {
                let failed = load(&store, 1);
                assert!(
                    matches!(failed, Err(RedisError::TimedOut { .. })),
                    "{failed:?}"
                );
            }
            assert!(!write.is_finished());
            server.resume();
            unknown(write.join().unwrap());
        });
        // Before or after its end, but not later than now.
        let settled = value(&other, 1);
        assert!(settled.as_deref() == Some("old") || settled.as_ref() == Some(&late));
        put(&other, 1, "new").unwrap();
        assert_eq!(value(&other, 1).as_deref(), Some("new"));
    }
}

#[test]
fn g3_a_write_whose_server_was_killed_ends_with_the_next_one_at_its_address() {
    let mut server = Server::durable();
    let store = Redis::options()
        .call_timeout(SHORT)
        .connect(&server.url())
        .unwrap();
    put(&store, 1, "old").unwrap();
    server.stop();
    thread::scope(|scope| {
        let write = scope.spawn(|| put(&store, 1, "late"));
        assert!(load(&store, 1).is_err() && load(&store, 1).is_err());
        server.kill();
        // This one was never sent.
        let refused = put(&store, 2, "two");
        let Err(ApplyError::Refused(RedisError::Unreachable { .. })) = refused else {
            panic!("{refused:?}")
        };
        assert!(!write.is_finished());
        server.start();
        unknown(write.join().unwrap());
    });
    assert_eq!(value(&store, 1).as_deref(), Some("old"));
    assert_eq!(value(&store, 2), None);
}

#[test]
fn g3_a_key_is_busy_until_the_attempt_on_it_has_ended() {
    let mut server = Server::with(&[]);
    let store = Redis::options()
        .call_timeout(SHORT)
        .connect(&server.url())
        .unwrap();
    let cache: Tiered<u64, String> = Tiered::builder()
        .memory(MemoryTier::entries(100))
        .store(store)
        .writes(Writes::through().timeout(2 * SHORT))
        .build()
        .unwrap();
    cache.put(1, "old".to_owned()).wait().unwrap();
    server.stop();
    let late = cache.put(1, "late".to_owned()).wait();
    assert!(matches!(late, Err(PutError::Unknown { .. })), "{late:?}");
    let busy = cache.put(1, "new".to_owned()).wait();
    assert!(matches!(busy, Err(PutError::Busy { .. })), "{busy:?}");
    assert!(cache.get(&1).wait().is_err(), "no tier holds it");
    server.resume();
    let began = std::time::Instant::now();
    while let Err(error) = cache.put(1, "new".to_owned()).wait() {
        assert!(matches!(error, PutError::Busy { .. }), "{error:?}");
        assert!(began.elapsed() < super::server::PATIENCE);
    }
    assert_eq!(cache.get(&1).wait().unwrap().unwrap().value, "new");
    let truth = cache.store().load(&1).wait().unwrap();
    assert_eq!(truth.as_deref(), Some("new"));
}
