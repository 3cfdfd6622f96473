//! What the machine does: steps, and the settings of the cache that it does them to.

use super::fault::{Fault, Held, HeldLoad};
use super::store::Lie;
use proptest::prelude::*;

/// Keys of the machine.
pub(crate) const KEYS: u64 = 6;
/// Tags of the machine.
pub(crate) const TAGS: u8 = 2;

/// How long a value that is put is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    AsTheTierSays,
    NotAtAll,
    Milliseconds(u64),
    /// That long, and for as long again as a stale answer.
    ThenStale(u64),
}

/// How a cache is given up for the next one over the same store and journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reopening {
    Close,
    /// In no time.
    CloseAtOnce,
    /// Without a close.
    Drop,
    /// As `kill -9` leaves it: the files as they are at that instant, and nobody does anything more.
    Kill,
}

/// What a loader of the caller's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loader {
    Value,
    Absent,
    Fails,
}

/// What a computation makes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put,
    Remove,
    Keep,
    /// The closure panics.
    Panic,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Get(u64),
    /// A read whose load the store holds, if it asks the store.
    GetHeld(u64, HeldLoad),
    GetMany(Vec<u64>),
    GetOrLoad(u64, Loader),
    Put(u64),
    PutWith(u64, Lasts, Option<u8>),
    Remove(u64),
    Compute(u64, Change),
    Invalidate(u64),
    InvalidateTag(u8),
    InvalidateAll,
    /// The store is changed past the cache: a value, or a removal.
    Outside(u64, bool),
    /// The clock moves on, in milliseconds.
    Jump(u64),
    /// To so many milliseconds around the next deadline: 0 is just before it.
    JumpToDelay(u64),
    Fault(u64, Fault, u32),
    FailLoads(u64, u32),
    HoldLoads(u64, HeldLoad, u32),
    Down(u32),
    Heal,
    Release,
    ReleaseOnly(Held),
    Redrive(u64),
    Discard(u64),
    Flush,
    Reopen(Reopening),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::Refuse),
        2 => Just(Fault::UnknownDone),
        2 => Just(Fault::UnknownNot),
        1 => Just(Fault::PanicDone),
        1 => Just(Fault::PanicNot),
        1 => Just(Fault::HangThenDone),
        1 => Just(Fault::DoneThenHang),
    ]
}

fn lasts() -> impl Strategy<Value = Lasts> {
    prop_oneof![
        Just(Lasts::AsTheTierSays),
        Just(Lasts::NotAtAll),
        (1..40_u64).prop_map(Lasts::Milliseconds),
        (1..40_u64).prop_map(Lasts::ThenStale),
    ]
}

fn loader() -> impl Strategy<Value = Loader> {
    prop_oneof![
        3 => Just(Loader::Value),
        1 => Just(Loader::Absent),
        1 => Just(Loader::Fails),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::Put),
        2 => Just(Change::Remove),
        1 => Just(Change::Keep),
        1 => Just(Change::Panic),
    ]
}

fn reopening() -> impl Strategy<Value = Reopening> {
    prop_oneof![
        1 => Just(Reopening::Close),
        1 => Just(Reopening::CloseAtOnce),
        1 => Just(Reopening::Drop),
        3 => Just(Reopening::Kill),
    ]
}

fn held_load() -> impl Strategy<Value = HeldLoad> {
    prop_oneof![Just(HeldLoad::BeforeItReads), Just(HeldLoad::AfterItReads)]
}

fn reading() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    prop_oneof![
        10 => key.clone().prop_map(Step::Get),
        2 => (key.clone(), held_load()).prop_map(|(key, held)| Step::GetHeld(key, held)),
        2 => prop::collection::vec(key.clone(), 0..5).prop_map(Step::GetMany),
        2 => (key.clone(), loader()).prop_map(|(key, loader)| Step::GetOrLoad(key, loader)),
        2 => key.prop_map(Step::Invalidate),
        1 => (0..TAGS).prop_map(Step::InvalidateTag),
        1 => Just(Step::InvalidateAll),
    ]
}

fn writing() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    let tag = prop::option::of(0..TAGS);
    prop_oneof![
        8 => key.clone().prop_map(Step::Put),
        3 => (key.clone(), lasts(), tag).prop_map(|(key, lasts, tag)| Step::PutWith(key, lasts, tag)),
        4 => key.clone().prop_map(Step::Remove),
        3 => (key.clone(), change()).prop_map(|(key, change)| Step::Compute(key, change)),
        2 => (key, any::<bool>()).prop_map(|(key, value)| Step::Outside(key, value)),
    ]
}

fn failing() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    prop_oneof![
        6 => (key.clone(), fault(), 1..4_u32).prop_map(|(key, fault, times)| Step::Fault(key, fault, times)),
        // Enough to use up all attempts.
        2 => key.clone().prop_map(|key| Step::Fault(key, Fault::Refuse, 6)),
        1 => (key.clone(), 1..3_u32).prop_map(|(key, times)| Step::FailLoads(key, times)),
        1 => (key, held_load(), 1..3_u32).prop_map(|(key, held, times)| Step::HoldLoads(key, held, times)),
        1 => (1..6_u32).prop_map(Step::Down),
        2 => Just(Step::Heal),
        3 => Just(Step::Release),
        1 => Just(Step::ReleaseOnly(Held::Loads)),
        1 => Just(Step::ReleaseOnly(Held::Writes)),
    ]
}

/// A step. What can not be done where it comes is nothing, so steps can be left out at will.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    prop_oneof![
        20 => reading(),
        20 => writing(),
        8 => failing(),
        4 => (0..60_u64).prop_map(Step::Jump),
        3 => (0..3_u64).prop_map(Step::JumpToDelay),
        1 => (0..100_000_u64).prop_map(Step::Jump),
        2 => key.clone().prop_map(Step::Redrive),
        1 => key.prop_map(Step::Discard),
        2 => Just(Step::Flush),
        2 => reopening().prop_map(Step::Reopen),
    ]
}

/// When writes reach the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Through {
        /// In milliseconds.
        timeout: Option<u64>,
        retries: u32,
        conditional: bool,
    },
    Behind {
        max_dirty: usize,
        /// In milliseconds.
        max_delay: u64,
        batch: usize,
        lanes: usize,
        retries: u32,
        waits: bool,
    },
}

impl Mode {
    pub(crate) const fn is_behind(self) -> bool {
        matches!(self, Self::Behind { .. })
    }

    /// Whether the next write of a key does not wait for one that was lost: then nobody tells when
    /// that one has ended, but a close.
    pub(crate) const fn hands_keys_on(self) -> bool {
        matches!(
            self,
            Self::Through {
                conditional: true,
                ..
            }
        )
    }

    /// Of what write-through promises, or write-behind.
    pub(crate) const fn guarantee(self) -> &'static str {
        if self.is_behind() { "G4" } else { "G3" }
    }

    /// What is due for a change, in milliseconds after it came.
    pub(crate) fn deadline(self) -> u64 {
        match self {
            Self::Through { timeout, .. } => timeout.unwrap_or(20),
            Self::Behind { max_delay, .. } => max_delay,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// Entries of the memory tier.
    pub(crate) memory: u64,
    /// Of the memory tier, in milliseconds.
    pub(crate) time_to_live: Option<u64>,
    pub(crate) absent_for: u64,
    /// With a disk tier, where the feature is on.
    pub(crate) disk: bool,
    pub(crate) lie: Lie,
}

pub(crate) fn through() -> impl Strategy<Value = Mode> {
    let timeout = prop::option::of(10..50_u64);
    (timeout, 0..3_u32, any::<bool>()).prop_map(|(timeout, retries, conditional)| Mode::Through {
        timeout,
        retries,
        conditional,
    })
}

pub(crate) fn behind() -> impl Strategy<Value = Mode> {
    let size = (1..8_usize, 1..4_usize, 1..3_usize);
    let time = (0..60_u64, 0..3_u32, any::<bool>());
    (size, time).prop_map(
        |((max_dirty, batch, lanes), (max_delay, retries, waits))| Mode::Behind {
            max_dirty,
            max_delay,
            batch,
            lanes,
            retries,
            waits,
        },
    )
}

/// Settings, with a disk tier or without.
pub(crate) fn settings(
    mode: impl Strategy<Value = Mode>,
    disk: bool,
) -> impl Strategy<Value = Settings> {
    let absent_for = prop_oneof![Just(0), 1..40_u64];
    (mode, 1..8_u64, prop::option::of(1..60_u64), absent_for).prop_map(
        move |(mode, memory, time_to_live, absent_for)| Settings {
            mode,
            // So little that keys leave it for the disk.
            memory: if disk { memory.div_ceil(2) } else { memory },
            time_to_live,
            absent_for,
            disk,
            lie: Lie::None,
        },
    )
}
