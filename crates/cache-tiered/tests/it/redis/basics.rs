//! What is written is loaded, with what is left of its life.

use super::server::Server;
use super::{apply, finish, load, put, value};
use cache_tiered::{
    Life, Loaded, ManualClock, MemoryTier, Mutation, Redis, Source, Tier, Tiered, Writes,
};
use std::time::Duration;

const LIFE: Duration = Duration::from_secs(1_000);

#[test]
fn what_is_written_is_loaded_and_every_mutation_tells_whether_its_key_existed() {
    let server = Server::with(&[]);
    let store = Redis::options()
        .prefix("test:")
        .connect(&server.url())
        .unwrap();
    assert_eq!(value(&store, 1), None);
    assert!(!put(&store, 1, "one").unwrap().existed(0));
    assert!(put(&store, 1, "uno").unwrap().existed(0));
    let batch = [
        Mutation::put(2, "two".to_owned(), 3),
        Mutation::remove(1, 4),
        Mutation::remove(1, 5),
        Mutation::put(2, "due".to_owned(), 6),
        Mutation::put(3, String::new(), 7),
    ];
    let applied = apply(&store, &batch).unwrap();
    let existed: Vec<bool> = (0..applied.len())
        .map(|index| applied.existed(index))
        .collect();
    assert_eq!(existed, [false, true, false, true, false]);
    assert!(apply(&store, &[]).unwrap().is_empty());

    let keys: Vec<u64> = (0..700).map(|key| key % 7).collect();
    let loaded: Vec<Loaded<String>> = finish(store.load_many(&keys)).unwrap();
    assert_eq!(loaded.len(), keys.len());
    for (key, loaded) in keys.iter().zip(loaded) {
        let expected = match key {
            2 => Loaded::Value("due".to_owned(), Life::DEFAULT),
            3 => Loaded::Value(String::new(), Life::DEFAULT),
            _ => Loaded::Absent(Life::DEFAULT),
        };
        assert_eq!(loaded, expected, "key {key}");
    }
    let none: Vec<Loaded<String>> = finish(Source::<u64, _>::load_many(&store, &[])).unwrap();
    assert!(none.is_empty());

    let raw: Vec<u8> = [b"test:".as_slice(), &2_u64.to_be_bytes()].concat();
    let mut control = server.control();
    let found: String = redis::cmd("GET").arg(raw).query(&mut control).unwrap();
    assert_eq!(found, "due");
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 2);
}

#[test]
fn stores_with_other_prefixes_and_databases_keep_apart() {
    let server = Server::with(&[]);
    let url = server.url();
    let stores = [
        Redis::options().connect(&url).unwrap(),
        Redis::options().prefix("a:").connect(&url).unwrap(),
        Redis::options().prefix("b:").connect(&url).unwrap(),
        Redis::options()
            .prefix("b:")
            .connect(&format!("{url}/1"))
            .unwrap(),
    ];
    for (index, store) in stores.iter().enumerate() {
        assert!(!put(store, 1, &index.to_string()).unwrap().existed(0));
    }
    for (index, store) in stores.iter().enumerate() {
        assert_eq!(value(store, 1), Some(index.to_string()));
    }
}

#[test]
fn values_come_with_what_is_left_of_their_lives() {
    let server = Server::with(&[]);
    let store = Redis::options()
        .time_to_live(LIFE)
        .connect(&server.url())
        .unwrap();
    put(&store, 1, "one").unwrap();
    let left = |key| match load(&store, key).unwrap() {
        Loaded::Value(_, life) => life.time_to_live(),
        Loaded::Absent(_) => panic!("it is there"),
    };
    let first = left(1).expect("a limit");
    assert!(first <= LIFE && first > LIFE / 2, "{first:?}");
    // Somebody else gives it less, or none.
    let raw = 1_u64.to_be_bytes();
    let mut control = server.control();
    redis::cmd("PEXPIRE")
        .arg(&raw)
        .arg(60_000)
        .exec(&mut control)
        .unwrap();
    let then = left(1).expect("a limit");
    assert!(
        then <= Duration::from_secs(60) && then > Duration::from_secs(10),
        "{then:?}"
    );
    redis::cmd("PERSIST").arg(&raw).exec(&mut control).unwrap();
    assert_eq!(left(1), None);
    // An overwrite through the store gives it the whole again.
    put(&store, 1, "uno").unwrap();
    assert!(left(1).expect("a limit") > LIFE / 2);
}

#[test]
fn a_value_lives_no_longer_in_memory_than_in_the_server() {
    let server = Server::with(&[]);
    let clock = ManualClock::new();
    let store = Redis::options()
        .time_to_live(LIFE)
        .connect(&server.url())
        .unwrap();
    let cache: Tiered<u64, String> = Tiered::builder()
        .memory(MemoryTier::entries(100).clock(clock.clone()))
        .store(store)
        .build()
        .unwrap();
    let mut control = server.control();
    let mut set = |value: &str| {
        let mut command = redis::cmd("SET");
        command
            .arg(&1_u64.to_be_bytes())
            .arg(value)
            .arg("PX")
            .arg(60_000);
        command.exec(&mut control).unwrap();
    };
    set("one");
    let read = || {
        let hit = cache.get(&1).wait().unwrap().unwrap();
        (hit.value, hit.tier)
    };
    assert_eq!(read(), ("one".to_owned(), Tier::Store));
    set("uno");
    assert_eq!(read(), ("one".to_owned(), Tier::Memory));
    clock.advance(Duration::from_secs(60));
    assert_eq!(read(), ("uno".to_owned(), Tier::Store));
}

#[test]
fn a_cache_over_it_works_through_and_behind_and_from_many_threads() {
    let server = Server::with(&[]);
    let journal = tempfile::tempdir().unwrap();
    let behind = Writes::behind(journal.path().join("journal"));
    let modes: [Writes<u64, String>; 2] = [Writes::through().into(), behind.into()];
    for (mode, writes) in modes.into_iter().enumerate() {
        let prefix = format!("{mode}:");
        let store = Redis::options()
            .prefix(prefix)
            .connect(&server.url())
            .unwrap();
        let cache: Tiered<u64, String> = Tiered::builder()
            .memory(MemoryTier::entries(100))
            .store(store)
            .writes(writes)
            .build()
            .unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let cache = &cache;
                scope.spawn(move || {
                    for key in (thread..400).step_by(4) {
                        cache.put(key, key.to_string()).wait().unwrap();
                        assert!(cache.remove(&key).wait().unwrap());
                        cache.put(key, format!("{key}!")).wait().unwrap();
                    }
                });
            }
        });
        let keys: Vec<u64> = (0..400).collect();
        for (key, hit) in keys.iter().zip(cache.get_many(&keys).wait()) {
            assert_eq!(hit.unwrap().unwrap().value, format!("{key}!"));
        }
        let report = cache.close().wait().unwrap();
        assert_eq!((report.left, report.dead), (0, 0));
    }
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 800);
}

#[test]
fn an_idle_connection_that_was_lost_is_made_anew_without_an_error() {
    let mut server = Server::durable();
    let store = Redis::options().connect(&server.url()).unwrap();
    for round in 0..5 {
        put(&store, 1, &round.to_string()).unwrap();
        assert_eq!(value(&store, 1), Some(round.to_string()));
        if round % 2 == 0 {
            server.ask::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
        } else {
            server.kill();
            server.start();
        }
        assert_eq!(value(&store, 1), Some(round.to_string()));
    }
}
