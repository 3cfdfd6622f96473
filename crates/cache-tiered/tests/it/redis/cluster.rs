//! A cluster of three masters: keys of all slots, batches of one, slots that move, masters that go.

use super::server::{PATIENCE, Server};
use super::{apply, finish, load, put, value};
use cache_tiered::{
    ApplyError, Loaded, MemoryTier, Mutation, Redis, RedisError, RedisOptions, Source, Tiered,
    Writes,
};
use std::thread;
use std::time::{Duration, Instant};

const SLOTS: u32 = 16_384;
const KEYS: u64 = 600;
const CALL: Duration = Duration::from_secs(1);

pub(super) struct Cluster {
    pub(super) nodes: Vec<Server>,
}

impl Cluster {
    /// Three masters with a third of the slots each, and replicas of the first of them.
    pub(super) fn new(replicas: usize) -> Self {
        let settings = [
            ["--cluster-enabled", "yes"],
            ["--cluster-node-timeout", "500"],
            ["--cluster-require-full-coverage", "no"],
            ["--cluster-replica-validity-factor", "0"],
            ["--appendonly", "yes"],
            ["--appendfsync", "always"],
        ];
        let nodes: Vec<_> = (0..3 + replicas)
            .map(|_| Server::with(&settings.concat()))
            .collect();
        for (index, node) in nodes.iter().enumerate() {
            let epoch = (index + 1).to_string();
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            if index < 3 {
                let bound = |index: usize| index as u32 * SLOTS / 3;
                let (first, last) = (bound(index).to_string(), (bound(index + 1) - 1).to_string());
                node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            }
            node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port().to_string()]);
        }
        let cluster = Self { nodes };
        let known = format!("cluster_known_nodes:{}", 3 + replicas);
        cluster.wait_until(0.., |info| {
            info.contains("cluster_state:ok") && info.contains(&known)
        });
        let master = cluster.nodes[0].ask::<String>(&["CLUSTER", "MYID"]);
        for replica in &cluster.nodes[3..] {
            replica.ask::<()>(&["CLUSTER", "REPLICATE", &master]);
            wait(|| {
                replica
                    .ask::<String>(&["INFO", "replication"])
                    .contains("master_link_status:up")
            });
        }
        cluster
    }

    fn wait_until(&self, nodes: std::ops::RangeFrom<usize>, reached: impl Fn(&str) -> bool) {
        for node in &self.nodes[nodes] {
            wait(|| reached(&node.ask::<String>(&["CLUSTER", "INFO"])));
        }
    }

    fn connect(&self, options: RedisOptions) -> Redis {
        let urls = self.nodes.iter().map(Server::url);
        options.call_timeout(CALL).connect_cluster(urls).unwrap()
    }

    /// The master that has a key, by its number.
    fn owner(&self, key: u64) -> usize {
        (self.slot(key) * 3 / SLOTS) as usize
    }

    fn slot(&self, key: u64) -> u32 {
        let mut question = redis::cmd("CLUSTER");
        question.arg("KEYSLOT").arg(&key.to_be_bytes());
        question.query(&mut self.nodes[1].control()).unwrap()
    }

    /// A key of a master.
    fn key_of(&self, owner: usize) -> u64 {
        (0..).find(|key| self.owner(*key) == owner).unwrap()
    }
}

fn wait(reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < PATIENCE, "it does not come about");
        thread::yield_now();
    }
}

#[test]
fn keys_of_all_slots_are_written_and_loaded_and_a_batch_has_one_slot() {
    let cluster = Cluster::new(0);
    let store = cluster.connect(Redis::options());
    for key in 0..KEYS {
        assert!(!put(&store, key, &key.to_string()).unwrap().existed(0));
    }
    let keys: Vec<u64> = (0..KEYS + 10).collect();
    let loaded: Vec<Loaded<String>> = finish(store.load_many(&keys)).unwrap();
    for (key, loaded) in keys.iter().zip(loaded) {
        assert_eq!(loaded.into_value(), (*key < KEYS).then(|| key.to_string()));
    }
    for node in &cluster.nodes {
        assert!(
            node.ask::<u64>(&["DBSIZE"]) > KEYS / 6,
            "each has about a third"
        );
    }
    let batch = [
        Mutation::remove(1, 1),
        Mutation::put(2, "new".to_owned(), 2),
    ];
    let refused = apply(&store, &batch);
    let Err(ApplyError::Refused(RedisError::ManySlots { changes: 2 })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(value(&store, 1).as_deref(), Some("1"));
    // A hash tag brings all to one slot.
    let tagged = cluster.connect(Redis::options().prefix("{tag}:"));
    assert!(!apply(&tagged, &batch).unwrap().existed(1));
    assert!(apply(&tagged, &batch).unwrap().existed(1));
    assert_eq!(value(&tagged, 2).as_deref(), Some("new"));
    assert_eq!(store.stats().redirected, 0);
}

#[test]
fn what_is_written_behind_reaches_every_slot() {
    let cluster = Cluster::new(0);
    let journal = tempfile::tempdir().unwrap();
    let cache: Tiered<u64, String> = Tiered::builder()
        .memory(MemoryTier::entries(10))
        .store(cluster.connect(Redis::options()))
        .writes(Writes::behind(journal.path().join("journal")))
        .build()
        .unwrap();
    for key in 0..KEYS {
        cache.put(key, key.to_string()).wait().unwrap();
    }
    cache.flush().wait().unwrap();
    let report = cache.close().wait().unwrap();
    assert_eq!((report.left, report.dead), (0, 0));
    let store = cluster.connect(Redis::options());
    assert!((0..KEYS).all(|key| value(&store, key) == Some(key.to_string())));
}

#[test]
fn a_call_follows_a_slot_that_moves() {
    let cluster = Cluster::new(0);
    let store = cluster.connect(Redis::options());
    let key = cluster.key_of(0);
    let absent = (key + 1..)
        .find(|other| cluster.owner(*other) == 0)
        .unwrap();
    put(&store, key, "old").unwrap();
    let slot = cluster.slot(key).to_string();
    let ids: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| node.ask(&["CLUSTER", "MYID"]))
        .collect();
    let (from, to) = (&cluster.nodes[0], &cluster.nodes[1]);
    to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]);
    from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]);
    assert_eq!(
        value(&store, key).as_deref(),
        Some("old"),
        "it is still there"
    );
    let mut migrate = redis::cmd("MIGRATE");
    migrate
        .arg("127.0.0.1")
        .arg(to.port())
        .arg(&key.to_be_bytes())
        .arg(0)
        .arg(5_000);
    migrate.exec(&mut from.control()).unwrap();
    // On its way: `ASK`.
    assert_eq!(value(&store, key).as_deref(), Some("old"));
    assert!(put(&store, key, "new").unwrap().existed(0));
    assert_eq!(value(&store, key).as_deref(), Some("new"));
    assert_eq!(value(&store, absent), None);
    let asked = store.stats().redirected;
    assert!(asked >= 3, "{asked}");
    // There: `MOVED`, of which it learns.
    for node in [to, from, &cluster.nodes[2]] {
        node.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[1]]);
    }
    assert!(put(&store, key, "newer").unwrap().existed(0));
    wait(|| {
        let before = store.stats().redirected;
        assert_eq!(value(&store, key).as_deref(), Some("newer"));
        store.stats().redirected == before
    });
}

#[test]
fn g5_every_master_tells_what_is_written_there_also_after_it_was_killed() {
    let mut cluster = Cluster::new(0);
    let store = cluster.connect(Redis::options());
    let (writer, invalidations) = (cluster.connect(Redis::options()), store.invalidations());
    let tier = MemoryTier::entries(100);
    let cache: Tiered<u64, String> = Tiered::builder().memory(tier).store(store).build().unwrap();
    let listener = invalidations.follow(&cache).unwrap();
    assert_eq!(listener.subscribed(), 3);
    let keys: Vec<u64> = (0..3).map(|owner| cluster.key_of(owner)).collect();
    let is = |key: &u64, value: &str| {
        let hit = cache.get(key).wait().unwrap();
        hit.is_some_and(|hit| hit.value == value)
    };
    for round in 0..3 {
        for key in &keys {
            for value in [format!("old {round}"), format!("new {round}")] {
                wait(|| put(&writer, *key, &value).is_ok());
                wait(|| is(key, &value));
            }
        }
        let subscribed = listener.subscribed();
        cluster.nodes[round].kill();
        cluster.nodes[round].start();
        wait(|| listener.subscribed() > subscribed);
        wait(|| keys.iter().all(|key| cache.get(key).wait().is_ok()));
    }
}

#[test]
fn a_master_that_was_killed_keeps_its_keys_and_nobody_else_s_from_being_served() {
    let mut cluster = Cluster::new(0);
    let store = cluster.connect(Redis::options());
    let keys: Vec<u64> = (0..3).map(|owner| cluster.key_of(owner)).collect();
    for key in &keys {
        put(&store, *key, "old").unwrap();
    }
    for _ in 0..5 {
        cluster.nodes[2].kill();
        thread::scope(|scope| {
            // The store may not have noticed yet that the connection is lost, and send it there.
            let unanswered = store.stats().unanswered;
            let first = scope.spawn(|| put(&store, keys[2], "new"));
            wait(|| first.is_finished() || store.stats().unanswered > unanswered);
            let second = put(&store, keys[2], "new");
            assert!(matches!(second, Err(ApplyError::Refused(_))), "{second:?}");
            assert!(load(&store, keys[2]).is_err());
            for key in &keys[..2] {
                put(&store, *key, "old").unwrap();
                assert_eq!(value(&store, *key).as_deref(), Some("old"));
            }
            let many = finish(Source::<u64, String>::load_many(&store, &keys));
            assert!(many.is_err(), "one failure fails the whole call");
            cluster.nodes[2].start();
            let first = first.join().unwrap();
            assert!(first.is_err(), "nobody was there to take it: {first:?}");
        });
        // It may have to hear of the others first.
        wait(|| load(&store, keys[2]).is_ok());
        assert_eq!(value(&store, keys[2]).as_deref(), Some("old"));
        wait(|| put(&store, keys[2], "old").is_ok());
    }
}

#[test]
fn g3_a_write_without_an_answer_ends_when_a_replica_has_taken_over() {
    let mut cluster = Cluster::new(1);
    let store = cluster.connect(Redis::options());
    let key = cluster.key_of(0);
    put(&store, key, "old").unwrap();
    wait(|| cluster.nodes[3].ask::<u64>(&["DBSIZE"]) == 1);
    cluster.nodes[0].stop();
    let late = put(&store, key, "late");
    assert!(matches!(late, Err(ApplyError::Unknown(_))), "{late:?}");
    // The replica is the master now, and the call goes there.
    wait(|| put(&store, key, "new").is_ok());
    assert_eq!(value(&store, key).as_deref(), Some("new"));
    cluster.nodes[0].resume();
    wait(|| is_replica(&cluster.nodes[0]));
    assert_eq!(
        value(&store, key).as_deref(),
        Some("new"),
        "what the former one took is void"
    );
}

fn is_replica(node: &Server) -> bool {
    node.ask::<String>(&["INFO", "replication"])
        .contains("role:slave")
}
