//! Steps that belong together: what they bring about would hardly ever come about at random.

use super::fault::{Fault, Held, HeldLoad};
use super::step::{KEYS, Step, step};
use super::store::tag_of;
use proptest::prelude::*;

/// What comes while something is under way.
fn change(key: u64) -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::InvalidateAll),
        2 => Just(Step::InvalidateTag(tag_of(key))),
        1 => Just(Step::Invalidate(key)),
        1 => Just(Step::Put(key)),
    ]
}

/// A load that has read what the key was when that changes.
fn load(key: u64) -> impl Strategy<Value = Vec<Step>> {
    (any::<bool>(), change(key)).prop_map(move |(value, change)| {
        vec![
            Step::Invalidate(key),
            Step::GetHeld(key, HeldLoad::AfterItReads),
            Step::Outside(key, value),
            change,
            Step::ReleaseOnly(Held::Loads),
            Step::Get(key),
        ]
    })
}

/// A write that the store has, and whose answer is held, when the store is changed past the cache.
fn write(key: u64) -> impl Strategy<Value = Vec<Step>> {
    (any::<bool>(), change(key)).prop_map(move |(value, change)| {
        vec![
            Step::Fault(key, Fault::DoneThenHang, 1),
            Step::Put(key),
            Step::Outside(key, value),
            change,
            Step::ReleaseOnly(Held::Writes),
            Step::Get(key),
        ]
    })
}

/// A load that has read what the key was before a write takes effect whose time was up.
fn stray(key: u64) -> impl Strategy<Value = Vec<Step>> {
    any::<bool>().prop_map(move |writes_first| {
        let mut releases = [Held::Writes, Held::Loads];
        if !writes_first {
            releases.reverse();
        }
        let mut steps = vec![
            Step::Put(key),
            Step::Fault(key, Fault::HangThenDone, 1),
            Step::Put(key),
            Step::Jump(60),
            Step::GetHeld(key, HeldLoad::AfterItReads),
        ];
        steps.extend(releases.map(Step::ReleaseOnly));
        steps.push(Step::Get(key));
        steps
    })
}

/// One of these, and now and then any other step in between.
fn race() -> impl Strategy<Value = Vec<Step>> {
    let steps = (0..KEYS).prop_flat_map(|key| prop_oneof![load(key), write(key), stray(key)]);
    let between = prop::collection::vec(prop::option::weighted(0.2, step()), 8);
    (steps, between).prop_map(|(steps, between)| {
        let pairs = steps.into_iter().zip(between);
        pairs
            .flat_map(|(step, between)| std::iter::once(step).chain(between))
            .collect()
    })
}

/// The steps of a history: so many at random, of which some are races.
pub(crate) fn steps(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let one = step().prop_map(|step| vec![step]);
    let some = prop_oneof![19 => one.boxed(), 1 => race().boxed()];
    prop::collection::vec(some, count).prop_map(|steps| steps.concat())
}
