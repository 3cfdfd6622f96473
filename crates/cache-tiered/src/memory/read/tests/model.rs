//! Random operations on one thread, against a `HashMap`.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::mem::needs_drop;

use proptest::prelude::*;

use super::super::{Arena, Writer, pinned};

#[derive(Clone, Debug)]
enum Operation {
    /// Puts a key there, or replaces its value.
    Put(u16),
    Remove(u16),
    Read(u16),
    Reclaim,
    ReclaimAll,
    TakeTouches(u16),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let key = || prop_oneof![0..20_u16, 0..300_u16];
    let operation = prop_oneof![
        6 => key().prop_map(Operation::Put),
        4 => key().prop_map(Operation::Remove),
        4 => key().prop_map(Operation::Read),
        2 => Just(Operation::Reclaim),
        1 => Just(Operation::ReclaimAll),
        1 => key().prop_map(Operation::TakeTouches),
    ];
    prop::collection::vec(operation, 0..400)
}

/// How keys are hashed: well, into a few homes, or all alike but for the tag.
fn hash(kind: u8, key: u16) -> u64 {
    let spread = super::hash(u64::from(key));
    match kind {
        0 => spread,
        1 => spread & 0xff << 40,
        _ => u64::from(key % 3) << 50,
    }
}

/// Key, version and what makes sure that both are of one value.
type Node<B> = (u16, B, u64);

fn slot_of<B>(writer: &Writer<'_, Node<B>>, kind: u8, key: u16) -> Option<u32> {
    writer.find(hash(kind, key), |node| node.0 == key)
}

/// With versions that have to be dropped, or not: those stay where they are.
fn run<B: From<u64> + Borrow<u64>>(kind: u8, expected: usize, operations: Vec<Operation>) {
    let (arena, mut token) = Arena::<Node<B>>::new(expected);
    let mut writer = arena.writer(&mut token);
    let mut model: HashMap<u16, (u64, u8)> = HashMap::new();
    let mut out = Vec::new();
    let (mut version, mut gone) = (0, 0);
    for operation in operations {
        match operation {
            Operation::Put(key) => {
                version += 1;
                let node = (key, B::from(version), !version);
                let old = model.insert(key, (version, 0));
                match (slot_of(&writer, kind, key), old) {
                    (None, None) => {
                        writer.insert(hash(kind, key), node);
                    }
                    (Some(slot), Some((old, _))) => {
                        gone += 1;
                        pinned(|pin| {
                            assert_eq!(*writer.replace(pin, slot, node).1.1.borrow(), old)
                        });
                    }
                    (slot, old) => panic!("{slot:?} for {old:?}"),
                }
            }
            Operation::Remove(key) => {
                let slot = slot_of(&writer, kind, key);
                let old = model.remove(&key);
                assert_eq!(slot.is_some(), old.is_some());
                if let (Some(slot), Some((old, _))) = (slot, old) {
                    gone += 1;
                    pinned(|pin| assert_eq!(*writer.unlink(pin, slot).1.borrow(), old));
                }
            }
            Operation::Read(key) => {
                let read = |node: &Node<B>| (*node.1.borrow(), node.2);
                let found = arena.read(hash(kind, key), |node| node.0 == key, read);
                let expected = model.get_mut(&key).map(|(version, touches)| {
                    *touches = 3.min(*touches + 1);
                    (*version, !*version)
                });
                assert_eq!(found, expected);
            }
            Operation::Reclaim => writer.reclaim(&mut out),
            Operation::ReclaimAll => writer.reclaim_all(&mut out),
            Operation::TakeTouches(key) => {
                let touches = slot_of(&writer, kind, key).map(|slot| writer.take_touches(slot));
                let expected = model
                    .get_mut(&key)
                    .map(|(_, touches)| std::mem::take(touches));
                assert_eq!(touches, expected);
            }
        }
        assert_eq!(writer.len(), model.len());
        if needs_drop::<B>() {
            assert_eq!(writer.retired() + out.len(), gone);
        } else {
            assert!(writer.retired() <= gone && out.is_empty());
        }
    }
    writer.check();
    for node in out {
        assert_eq!(*node.1.borrow(), !node.2, "reclaimed in part");
    }
    let slots: Vec<u32> = writer.slots().collect();
    assert!(slots.iter().all(|slot| {
        let node = writer.get(*slot);
        model
            .get(&node.0)
            .is_some_and(|(version, _)| version == node.1.borrow())
    }));
}

/// Cases of the property: `STRATA_CASES`, or enough for a second.
fn cases() -> u32 {
    let cases = std::env::var("STRATA_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_arena_is_a_map_whose_values_leave_late(
        kind in 0..3_u8,
        expected in 0..150_usize,
        operations in operations(),
    ) {
        run::<u64>(kind, expected, operations.clone());
        run::<Box<u64>>(kind, expected, operations);
    }
}
