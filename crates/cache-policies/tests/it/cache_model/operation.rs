//! The random operations and settings of the model test.

use proptest::prelude::*;

pub(super) const KEYS: u32 = 14;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Insert {
        key: u32,
        weight: u32,
    },
    InsertTtl {
        key: u32,
        weight: u32,
        ticks: u64,
    },
    Get {
        key: u32,
    },
    Peek {
        key: u32,
    },
    GetOrInsert {
        key: u32,
        weight: u32,
    },
    LoadFails {
        key: u32,
    },
    EntryInsert {
        key: u32,
        weight: u32,
        ticks: u64,
    },
    EntryRemove {
        key: u32,
    },
    /// The value is changed in place, and with it its weight.
    Change {
        key: u32,
        weight: u32,
    },
    /// The same, without being used.
    PeekChange {
        key: u32,
        weight: u32,
    },
    /// The same, in an entry.
    EntryModify {
        key: u32,
        weight: u32,
    },
    /// The same, with a guard that is leaked: the cache goes on with the old weight.
    Leak {
        key: u32,
        weight: u32,
    },
    Remove {
        key: u32,
    },
    Pin {
        key: u32,
    },
    Unpin {
        key: u32,
    },
    SetTtl {
        key: u32,
        ticks: u64,
    },
    Advance {
        ticks: u64,
    },
    /// Another time to live for what is inserted from now on.
    SetTimeToLive {
        ticks: u64,
    },
    /// Another time to idle, for all.
    SetTimeToIdle {
        ticks: u64,
    },
    /// The cache is exchanged for a clone of it.
    Clone,
    GoBack {
        ticks: u64,
    },
    SetCapacity {
        capacity: u64,
    },
    SetMaxEntries {
        max_entries: usize,
    },
    Retain {
        odd: bool,
    },
    Clear,
    Drain {
        count: usize,
    },
    EvictOne,
}

pub(super) fn weight() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..6u32, 2 => 6..20u32, 1 => Just(60), 1 => Just(u32::MAX)]
}

pub(super) fn ticks() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1..12u64, 2 => 12..200u64, 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(1 << 40)]
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let key = || 0..KEYS;
    prop_oneof![
        12 => (key(), weight()).prop_map(|(key, weight)| Op::Insert { key, weight }),
        6 => (key(), weight(), ticks()).prop_map(|(key, weight, ticks)| Op::InsertTtl { key, weight, ticks }),
        10 => key().prop_map(|key| Op::Get { key }),
        2 => key().prop_map(|key| Op::Peek { key }),
        6 => (key(), weight()).prop_map(|(key, weight)| Op::GetOrInsert { key, weight }),
        1 => key().prop_map(|key| Op::LoadFails { key }),
        3 => (key(), weight(), ticks()).prop_map(|(key, weight, ticks)| Op::EntryInsert { key, weight, ticks }),
        1 => key().prop_map(|key| Op::EntryRemove { key }),
        5 => (key(), weight()).prop_map(|(key, weight)| Op::Change { key, weight }),
        2 => (key(), weight()).prop_map(|(key, weight)| Op::PeekChange { key, weight }),
        2 => (key(), weight()).prop_map(|(key, weight)| Op::EntryModify { key, weight }),
        1 => (key(), weight()).prop_map(|(key, weight)| Op::Leak { key, weight }),
        4 => key().prop_map(|key| Op::Remove { key }),
        4 => key().prop_map(|key| Op::Pin { key }),
        3 => key().prop_map(|key| Op::Unpin { key }),
        2 => (key(), ticks()).prop_map(|(key, ticks)| Op::SetTtl { key, ticks }),
        5 => prop_oneof![6 => 1..6u64, 2 => 6..100u64, 1 => 0..1u64 << 41].prop_map(|ticks| Op::Advance { ticks }),
        1 => ticks().prop_map(|ticks| Op::SetTimeToLive { ticks }),
        1 => ticks().prop_map(|ticks| Op::SetTimeToIdle { ticks }),
        1 => Just(Op::Clone),
        1 => (1..50u64).prop_map(|ticks| Op::GoBack { ticks }),
        2 => prop_oneof![4 => 10..40u64, 1 => 0..3u64].prop_map(|capacity| Op::SetCapacity { capacity }),
        1 => prop_oneof![4 => 4..12usize, 1 => 0..2usize].prop_map(|max_entries| Op::SetMaxEntries { max_entries }),
        1 => any::<bool>().prop_map(|odd| Op::Retain { odd }),
        1 => Just(Op::Clear),
        1 => (0..4usize).prop_map(|count| Op::Drain { count }),
        3 => Just(Op::EvictOne),
    ]
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) capacity: u64,
    pub(super) max_entries: usize,
    pub(super) time_to_live: u64,
    pub(super) time_to_idle: u64,
}

pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let capacity = prop_oneof![8 => 8..40u64, 1 => 0..2u64];
    let max_entries = prop_oneof![2 => Just(usize::MAX), 2 => 3..12usize, 1 => 0..2usize];
    let life = || prop_oneof![6 => Just(u64::MAX), 2 => 3..60u64, 1 => 0..2u64];
    (capacity, max_entries, life(), life()).prop_map(
        |(capacity, max_entries, time_to_live, time_to_idle)| Settings {
            capacity,
            max_entries,
            time_to_live,
            time_to_idle,
        },
    )
}
