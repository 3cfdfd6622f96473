//! What the server refuses took no effect, and the error says what to do.

use super::server::Server;
use super::{apply, load, put, value};
use cache_tiered::{ApplyError, Mutation, Redis, RedisError};

fn refused(outcome: super::Outcome) -> RedisError {
    match outcome {
        Err(ApplyError::Refused(error)) => error,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn a_full_server_refuses_whole_batches_and_serves_reads() {
    let server = Server::with(&[]);
    let store = Redis::options().connect(&server.url()).unwrap();
    put(&store, 1, "one").unwrap();
    put(&store, 3, "three").unwrap();
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let batch = [
        Mutation::remove(1, 2),
        Mutation::put(2, "two".to_owned(), 3),
    ];
    let error = refused(apply(&store, &batch));
    assert!(matches!(error, RedisError::Full(_)), "{error:?}");
    assert!(error.to_string().contains("maxmemory"));
    assert_eq!(
        value(&store, 1).as_deref(),
        Some("one"),
        "nothing of the batch"
    );
    // What makes room is taken.
    let remove: Mutation<u64, String> = Mutation::remove(3, 4);
    assert!(
        apply(&store, std::slice::from_ref(&remove))
            .unwrap()
            .existed(0)
    );
    assert!(!apply(&store, &[remove]).unwrap().existed(0));
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(apply(&store, &batch).unwrap().existed(0));
    assert_eq!(value(&store, 1), None);
}

#[test]
fn a_replica_refuses_writes() {
    let (master, replica) = (Server::with(&[]), Server::with(&[]));
    let store = Redis::options().connect(&replica.url()).unwrap();
    replica.ask::<()>(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let error = refused(put(&store, 1, "one"));
    assert!(matches!(error, RedisError::ReadOnly(_)), "{error:?}");
    replica.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    put(&store, 1, "one").unwrap();
}

#[test]
fn strangers_and_users_who_may_too_little_are_told_so() {
    let server = Server::with(&[]);
    let url = |user: &str| format!("redis://{user}@127.0.0.1:{}", server.port());
    let connect = |user: &str| Redis::options().connect(&url(user));
    for user in ["nobody:wrong", "reader:secret", "writer:secret"] {
        let Err(error) = connect(user) else {
            panic!("{user} is not known")
        };
        assert!(matches!(error, RedisError::Denied(_)), "{user}: {error:?}");
        assert!(!error.to_string().contains("secret"));
    }
    let all = ["ACL", "SETUSER", "writer", "on", ">secret", "~*", "+@all"];
    server.ask::<()>(&all);
    let store = connect("writer:secret").unwrap();
    put(&store, 1, "one").unwrap();
    // One who may not end other connections cannot tell how a write ended.
    server.ask::<()>(&[
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">secret",
        "~*",
        "+@all",
        "-client|kill",
    ]);
    assert!(matches!(
        connect("reader:secret"),
        Err(RedisError::Denied(_))
    ));
    server.ask::<()>(&["ACL", "SETUSER", "writer", "-set"]);
    assert!(matches!(
        refused(put(&store, 1, "uno")),
        RedisError::Denied(_)
    ));
    server.ask::<()>(&["ACL", "SETUSER", "writer", "+set", "-multi"]);
    // The commands ran one by one, as the server takes them without their transaction.
    assert!(matches!(put(&store, 1, "uno"), Err(ApplyError::Unknown(_))));
    assert_eq!(value(&store, 1).as_deref(), Some("uno"));
}

#[test]
fn a_key_of_another_kind_is_an_error_and_is_overwritten_by_a_put() {
    let server = Server::with(&[]);
    let store = Redis::options().connect(&server.url()).unwrap();
    let mut control = server.control();
    redis::cmd("LPUSH")
        .arg(&1_u64.to_be_bytes())
        .arg("x")
        .exec(&mut control)
        .unwrap();
    assert!(matches!(load(&store, 1), Err(RedisError::Other(_))));
    assert!(put(&store, 1, "one").unwrap().existed(0));
    assert_eq!(value(&store, 1).as_deref(), Some("one"));
    redis::cmd("SET")
        .arg(&1_u64.to_be_bytes())
        .arg(&[0xff_u8])
        .exec(&mut control)
        .unwrap();
    assert!(matches!(load(&store, 1), Err(RedisError::Codec(_))));
}

#[test]
fn what_is_no_server_is_told_apart() {
    let bad = ["http://localhost", "localhost", "rediss://127.0.0.1", ""];
    for url in bad {
        let refused = Redis::options().connect(url);
        assert!(
            matches!(refused, Err(RedisError::Url { .. })),
            "{url}: {refused:?}"
        );
    }
    let server = Server::with(&[]);
    let url = server.url();
    drop(server);
    let Err(error) = Redis::options().connect(&url) else {
        panic!("nobody is there")
    };
    assert!(matches!(error, RedisError::Unreachable { .. }), "{error:?}");
    let no_seeds = Redis::options().connect_cluster([""; 0]);
    assert!(matches!(no_seeds, Err(RedisError::Url { .. })));
    let database = Redis::options().connect_cluster([format!("{url}/3")]);
    assert!(matches!(database, Err(RedisError::Url { .. })));
}
