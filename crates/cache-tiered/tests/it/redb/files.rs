//! Files: restarts, locks, foreign files, growth, codecs.

use crate::operations::run;
use buffer_pool::{BufferPool, PooledBytes};
use bytes::Bytes;
use cache_tiered::{
    ApplyError, BlockingSink, BlockingSource, Codec, CodecError, Durability, MemoryTier, Mutation,
    Pooled, Raw, Redb, RedbError, RedbOpenError, Tiered,
};
use std::fs;
use std::path::Path;
use std::thread;

const ALL: [Durability; 3] = [Durability::Volatile, Durability::Process, Durability::Power];

fn open(path: &Path, durability: Durability) -> Redb {
    Redb::options().durability(durability).open(path).unwrap()
}

fn value(store: &Redb, key: u64) -> Option<String> {
    BlockingSource::<u64, String>::load(store, &key)
        .unwrap()
        .into_value()
}

fn cache(store: Redb) -> Tiered<u64, String> {
    Tiered::builder()
        .memory(MemoryTier::entries(8))
        .store(store)
        .build()
        .unwrap()
}

#[test]
fn a_restart_keeps_what_was_acknowledged() {
    for durability in ALL {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.redb");
        let first = cache(open(&path, durability));
        for key in 0..100 {
            first.put(key, format!("value {key}")).wait().unwrap();
        }
        assert!(first.remove(&50).wait().unwrap());
        first.put(51, "overwritten".to_owned()).wait().unwrap();
        // Dropped without close.
        drop(first);
        let second = cache(open(&path, durability));
        for key in 0..100 {
            let expected = match key {
                50 => None,
                51 => Some("overwritten".to_owned()),
                _ => Some(format!("value {key}")),
            };
            assert_eq!(
                second.get(&key).wait().unwrap().map(|hit| hit.value),
                expected,
                "{durability}"
            );
        }
        let store: &Redb = second.store().downcast_ref().unwrap();
        assert_eq!(
            (store.entries().unwrap(), store.durability()),
            (99, durability)
        );
    }
}

#[test]
fn a_copy_of_the_file_in_use_holds_what_was_acknowledged() {
    // What a killed process leaves behind: the bytes that it has handed to the system.
    for durability in [Durability::Process, Durability::Power] {
        let directory = tempfile::tempdir().unwrap();
        let (path, copy) = (
            directory.path().join("data.redb"),
            directory.path().join("copy.redb"),
        );
        let store = open(&path, durability);
        for key in 0..50_u64 {
            BlockingSink::apply(&store, &[Mutation::put(key, format!("{key}"), key)]).unwrap();
            if key % 10 == 3 {
                fs::copy(&path, &copy).unwrap();
                let killed = open(&copy, durability);
                assert!((0..=key).all(|key| value(&killed, key) == Some(format!("{key}"))));
                assert_eq!(value(&killed, key + 1), None);
            }
        }
    }
}

#[test]
fn a_locked_file_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.redb");
    let first = open(&path, Durability::Process);
    let error = Redb::options().open(&path).unwrap_err();
    assert!(
        matches!(&error, RedbOpenError::Locked { path: locked } if *locked == path),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with(&format!("{} is locked", path.display()))
    );
    drop(first);
    open(&path, Durability::Process);
}

#[test]
fn the_file_is_free_once_the_last_operation_and_the_last_handle_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.redb");
    for key in 0..50 {
        let cache = cache(open(&path, Durability::Volatile));
        // Driven by a thread of the cache, which must not hold the store beyond the answer.
        let (put, get) = (cache.put(key, "value".to_owned()), cache.get(&(key + 1)));
        drop(cache);
        run(async {
            put.await.unwrap();
            assert!(get.await.unwrap().is_none());
        });
    }
}

#[test]
fn a_foreign_file_is_refused_and_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    for len in [1, 100, 4_096, 100_000] {
        let text = b"not a database\n"
            .iter()
            .copied()
            .cycle()
            .take(len)
            .collect::<Vec<_>>();
        fs::write(&path, &text).unwrap();
        let error = Redb::options().open(&path).unwrap_err();
        assert!(
            matches!(error, RedbOpenError::NotADatabase { .. }),
            "{len} bytes: {error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("notes.txt is not a redb database")
        );
        assert_eq!(fs::read(&path).unwrap(), text);
    }
}

#[test]
fn a_foreign_file_that_begins_with_zeros_is_refused_and_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    for (len, at) in [
        (4_096, 0),
        (8_192, 8),
        (8_192, 300),
        (8_192, 320),
        (1 << 20, (1 << 20) - 1),
    ] {
        let mut bytes = vec![0; len];
        bytes[at] = 1;
        fs::write(&path, &bytes).unwrap();
        let error = Redb::options().open(&path).unwrap_err();
        assert!(
            matches!(error, RedbOpenError::NotADatabase { .. }),
            "{error}"
        );
        assert!(fs::read(&path).unwrap() == bytes, "{at} of {len}");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.redb");
    let store = open(&path, Durability::Power);
    for key in 0..200_u64 {
        BlockingSink::apply(&store, &[Mutation::put(key, "x".repeat(500), key)]).unwrap();
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    for len in [200, 5_000, whole.len() / 2] {
        fs::write(&path, &whole[..len]).unwrap();
        match Redb::options().open(&path) {
            Err(RedbOpenError::NotADatabase { .. }) => {}
            other => panic!("{len} of {} bytes: {other:?}", whole.len()),
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(
        value(&open(&path, Durability::Power), 199),
        Some("x".repeat(500))
    );
}

#[test]
fn a_table_of_another_kind_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.redb");
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(redb::TableDefinition::<u64, u64>::new("strata"))
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let error = Redb::options().open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            RedbOpenError::ForeignTable {
                table: "strata",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_path_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for path in [
        directory.path().to_owned(),
        directory.path().join("missing/data.redb"),
    ] {
        let error = Redb::options().open(&path).unwrap_err();
        assert!(matches!(error, RedbOpenError::Io { .. }), "{error:?}");
        assert!(error.to_string().contains(&*path.to_string_lossy()));
    }
}

#[test]
#[cfg(unix)]
fn the_file_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.redb");
    drop(open(&path, Durability::Process));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn overwrites_do_not_make_the_file_grow() {
    for durability in [Durability::Volatile, Durability::Process] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.redb");
        let store = open(&path, durability);
        let round = |stamp: u64| {
            for key in 0..50_u64 {
                BlockingSink::apply(&store, &[Mutation::put(key, "x".repeat(1_000), stamp)])
                    .unwrap();
            }
        };
        (0..10).for_each(round);
        let before = fs::metadata(&path).unwrap().len();
        (10..100).for_each(round);
        let after = fs::metadata(&path).unwrap().len();
        assert!(
            after <= 2 * before,
            "{durability}: {before} bytes became {after}"
        );
    }
}

#[test]
fn a_batch_is_one_transaction_and_tells_what_existed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("data.redb"), Durability::Process);
    let batch = [
        Mutation::put(1_u64, "one".to_owned(), 1),
        Mutation::put(1, "uno".to_owned(), 2),
        Mutation::remove(2, 3),
        Mutation::remove(1, 4),
        Mutation::put(3, "three".to_owned(), 5),
    ];
    let applied = BlockingSink::apply(&store, &batch).unwrap();
    assert_eq!(format!("{applied:?}"), "[false, true, false, true, false]");
    assert_eq!(
        (value(&store, 1), value(&store, 3).as_deref()),
        (None, Some("three"))
    );
    assert_eq!((store.stats().commits, store.stats().batches), (1, 1));
    assert!(
        BlockingSink::<u64, String>::apply(&store, &[])
            .unwrap()
            .is_empty()
    );
}

#[test]
fn threads_that_write_at_once_each_get_their_own_answer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.redb");
    let store = open(&path, Durability::Power);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..50 {
                    let key = thread * 1_000 + round;
                    let put =
                        BlockingSink::apply(store, &[Mutation::put(key, format!("{key}"), 1)])
                            .unwrap();
                    assert!(!put.existed(0));
                    assert_eq!(value(store, key), Some(format!("{key}")));
                    if round % 2 == 0 {
                        let removed =
                            BlockingSink::<u64, String>::apply(store, &[Mutation::remove(key, 2)])
                                .unwrap();
                        assert!(removed.existed(0));
                    }
                }
            });
        }
    });
    let stats = store.stats();
    assert_eq!(stats.batches, 8 * 75);
    assert!(stats.commits <= stats.batches && stats.reopened == 0);
    drop(store);
    assert_eq!(open(&path, Durability::Power).entries().unwrap(), 8 * 25);
}

#[test]
fn pooled_values_come_back_to_the_byte() {
    let directory = tempfile::tempdir().unwrap();
    let pool = BufferPool::builder().build();
    let store = Redb::options()
        .codec(Pooled::new(pool.clone()))
        .open(directory.path().join("data.redb"))
        .unwrap();
    let tier = MemoryTier::weighted(1 << 20, |_: &u64, value: &PooledBytes| {
        value.len() as u32 + 64
    });
    let cache: Tiered<u64, PooledBytes> =
        Tiered::builder().memory(tier).store(store).build().unwrap();
    for key in 0..50_u64 {
        let mut buffer = pool.acquire(1_000);
        buffer.extend_from_slice(&vec![key as u8; 20 * key as usize]);
        cache.put(key, buffer.freeze()).wait().unwrap();
    }
    cache.invalidate_all();
    for key in 0..50_u64 {
        let hit = cache.get(&key).wait().unwrap().unwrap();
        assert_eq!(&hit.value[..], vec![key as u8; 20 * key as usize]);
    }
}

#[test]
fn the_codec_of_another_kind_is_an_error_not_a_wrong_value() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("data.redb"), Durability::Process);
    BlockingSink::apply(
        &store,
        &[Mutation::put(1_u64, Bytes::from_static(b"\xff\xff"), 1)],
    )
    .unwrap();
    let as_number = BlockingSource::<u64, u64>::load(&store, &1);
    assert!(matches!(
        as_number,
        Err(RedbError::Codec(CodecError::Length {
            expected: 8,
            found: 2
        }))
    ));
    let as_text = BlockingSource::<u64, String>::load(&store, &1);
    assert!(matches!(
        as_text,
        Err(RedbError::Codec(CodecError::Utf8(_)))
    ));
    let as_bytes: Vec<u8> = BlockingSource::<u64, _>::load(&store, &1)
        .unwrap()
        .into_value()
        .unwrap();
    assert_eq!(as_bytes, [0xff, 0xff]);
}

/// A codec that takes no odd numbers.
struct Even;

impl Codec<u64> for Even {
    fn encode<'a>(&self, value: &'a u64, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], CodecError> {
        if value % 2 == 1 {
            return Err(CodecError::other("odd"));
        }
        Raw.encode(value, scratch)
    }

    fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
        Raw.decode(bytes)
    }
}

#[test]
fn a_value_without_a_form_in_bytes_is_refused_with_its_whole_batch() {
    let directory = tempfile::tempdir().unwrap();
    let store = Redb::options()
        .codec(Even)
        .open(directory.path().join("data.redb"))
        .unwrap();
    let refused =
        BlockingSink::<u64, u64>::apply(&store, &[Mutation::put(1, 2, 1), Mutation::put(2, 3, 2)]);
    assert!(matches!(
        refused,
        Err(ApplyError::Refused(RedbError::Codec(CodecError::Other(_))))
    ));
    assert_eq!(store.entries().unwrap(), 0);
}
