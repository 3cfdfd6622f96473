//! A folder: against a plain map, across handles, and where it can not be used.

use super::{apply, existed, load, put, remove, wait};
use cache_tiered::{
    ApplyError, Durability, Loaded, Mutation, ObjectStore, ObjectStoreError, ObjectStoreOpenError,
    Sink, Source,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn open(path: &Path) -> ObjectStore {
    ObjectStore::options().folder(path).unwrap()
}

/// All files below, with their bytes.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files(&entry.path()).into_iter();
            found.extend(below.map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn key() -> impl Strategy<Value = String> {
    let strange = [
        "", "..", "/", "a/b", "a", "A", "a+", "=", "nul\0", "ä", "#1", "a#1",
    ];
    let long = ["x".repeat(200), "x".repeat(201), "x".repeat(450)];
    let known: Vec<String> = strange.map(str::to_owned).into_iter().chain(long).collect();
    prop_oneof![proptest::sample::select(known), ".{0,3}"]
}

fn mutation() -> impl Strategy<Value = Mutation<String, String>> {
    (key(), proptest::option::of(".{0,9}")).prop_map(|(key, value)| match value {
        Some(value) => Mutation::put(key, value, 1),
        None => Mutation::remove(key, 1),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_a_map(batches in proptest::collection::vec(proptest::collection::vec(mutation(), 1..6), 1..12)) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("store");
        let store = open(&root);
        let mut model = BTreeMap::new();
        for batch in batches {
            let expected: Vec<bool> = batch.iter().map(|mutation| {
                let key = mutation.key().clone();
                match mutation.value() {
                    Some(value) => model.insert(key, value.clone()).is_some(),
                    None => model.remove(&key).is_some(),
                }
            }).collect();
            prop_assert_eq!(existed(&apply(&store, &batch).unwrap()), expected);
            for mutation in &batch {
                let key = mutation.key();
                prop_assert_eq!(load(&store, key).unwrap(), model.get(key).cloned());
            }
        }
        // A file for each key, none besides, and none outside.
        let expected: BTreeMap<String, Vec<u8>> = model.iter().map(|(key, value)| {
            (store.path(key).unwrap().to_string(), value.clone().into_bytes())
        }).collect();
        prop_assert_eq!(files(&root), expected);
        prop_assert!(files(directory.path()).keys().all(|name| name.starts_with("store/")));
        // Another handle reads the same, with one question.
        let store = open(&root);
        let mut keys: Vec<String> = model.keys().cloned().collect();
        keys.push("not there".to_owned());
        let loaded = wait(Source::<String, String>::load_many(&store, &keys)).unwrap();
        let loaded: Vec<_> = loaded.into_iter().map(Loaded::into_value).collect();
        let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
        prop_assert_eq!(loaded, expected);
    }
}

#[test]
fn every_durability_writes_removes_and_flushes() {
    for durability in [Durability::Volatile, Durability::Process, Durability::Power] {
        let directory = tempfile::tempdir().unwrap();
        let store = ObjectStore::options()
            .durability(durability)
            .folder(directory.path().join("a/b"))
            .unwrap();
        assert_eq!(existed(&apply(&store, &[put("k", "v")]).unwrap()), [false]);
        assert_eq!(existed(&apply(&store, &[remove("k")]).unwrap()), [true]);
        assert_eq!(existed(&apply(&store, &[remove("k")]).unwrap()), [false]);
        wait(Sink::<String, String>::flush(&store)).unwrap();
        assert_eq!((store.stats().puts, store.stats().deletes), (1, 1));
    }
}

#[test]
fn what_is_no_folder_is_refused_and_left_alone() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "mine").unwrap();
    let refused = ObjectStore::options().folder(file.path()).unwrap_err();
    assert!(
        matches!(refused, ObjectStoreOpenError::Folder { .. }),
        "{refused}"
    );
    assert_eq!(fs::read(file.path()).unwrap(), b"mine");
}

#[test]
fn a_prefix_keeps_stores_of_one_folder_apart() {
    let directory = tempfile::tempdir().unwrap();
    let open = |prefix| {
        let options = ObjectStore::options().prefix(prefix);
        options.folder(directory.path()).unwrap()
    };
    let (one, two) = (open("one"), open("two/below"));
    apply(&one, &[put("k", "1")]).unwrap();
    apply(&two, &[put("k", "2")]).unwrap();
    assert_eq!(load(&one, "k").unwrap().as_deref(), Some("1"));
    let names: Vec<String> = files(directory.path()).into_keys().collect();
    assert_eq!(names, ["one/k", "two/below/k"]);
}

#[test]
fn a_write_that_the_file_system_refuses_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    // A folder is in the way of the object.
    fs::create_dir_all(directory.path().join("k/below")).unwrap();
    let refused = apply(&store, &[put("k", "v")]).unwrap_err();
    assert!(matches!(refused, ApplyError::Refused(_)), "{refused}");
    assert_eq!(load(&store, "k").unwrap(), None);
    assert_eq!(files(directory.path()).len(), 0);
    assert_eq!(store.stats().failures, 1);
}

#[test]
fn a_key_without_a_name_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let long = "long ".repeat(1_000);
    let refused = apply(&store, &[put("k", "v"), put(&long, "v")]).unwrap_err();
    let too_long = ApplyError::Refused(ObjectStoreError::KeyTooLong { bytes: 5_000 });
    assert_eq!(refused.to_string(), too_long.to_string());
    assert_eq!(files(directory.path()).len(), 0);
}

#[test]
fn bytes_of_somebody_else_are_an_error_and_no_value() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    fs::write(directory.path().join("k"), [0xff, 0xfe]).unwrap();
    let refused = load(&store, "k").unwrap_err();
    assert!(matches!(refused, ObjectStoreError::Codec(_)), "{refused}");
}
