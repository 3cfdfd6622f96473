//! Applying one operation to the cache and to the model.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use cache_policies::{Cache, Cause, Entry, Policy, Rejected, TryInsertError};

use super::model::{Log, Model, Resident, Value};
use super::operation::Op;

pub(super) type Subject<P, S> = Cache<u32, Value, P, fn(&u32, &Value) -> u32, Log, S>;

fn heard<P: Policy, S>(cache: &mut Subject<P, S>) -> Log {
    std::mem::take(cache.listener_mut())
}

/// One insert by any of the ways there are, and all that may come of it.
fn insert<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    (key, weight, ticks): (u32, u32, u64),
    how: impl FnOnce(&mut Subject<P, S>, Value) -> Result<Option<Value>, Rejected<u32, Value>>,
) {
    let value = model.value(weight);
    let id = value.id;
    let expected = model.refusal(key, weight, ticks);
    let fitted = model.fits(key, weight);
    let result = how(cache, value);
    let heard = heard(cache);
    if let Some(reason) = expected {
        let rejected = result.expect_err("it had to be refused");
        assert_eq!((rejected.key, rejected.reason), (key, reason));
        assert_eq!(rejected.value.id, id);
        assert_eq!(heard, [], "a refused insert evicts nothing");
        return model.settle(&rejected.value);
    }
    let before = result.expect("it had to be taken");
    if fitted {
        assert_eq!(heard, [], "there was room");
    }
    let last = heard.last().map(|(_, value, _)| {
        model
            .residents
            .values()
            .find(|r| r.id == value.id)
            .unwrap()
            .weight
    });
    let own = model.residents.remove(&key);
    assert_eq!(before.as_ref().map(|value| value.id), own.map(|own| own.id));
    if let Some(before) = &before {
        model.settle(before);
    }
    model.hear_victims(heard, None);
    let (limit, deadline) = model.limits(ticks);
    let pinned = own.is_some_and(|own| own.pinned);
    model.residents.insert(
        key,
        Resident {
            id,
            weight,
            pinned,
            limit,
            deadline,
        },
    );
    if let Some(last) = last {
        let needed = model.weight() + u64::from(last) > model.settings.capacity
            || model.residents.len() + 1 > model.settings.max_entries;
        assert!(
            needed || own.is_some(),
            "the last victim did not have to go"
        );
    }
}

/// How a value is changed in place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Use,
    Peek,
    Entry,
}

fn change<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    (key, weight): (u32, u32),
    access: Access,
) {
    let resident = model.residents.get(&key).copied();
    let mut seen = None;
    let change = |value: &mut Value| {
        seen = Some(value.id);
        value.weight = weight;
    };
    match access {
        Access::Use => drop(cache.get_mut(&key).as_deref_mut().map(change)),
        Access::Peek => drop(cache.peek_mut(&key).as_deref_mut().map(change)),
        Access::Entry => {
            let is_vacant = matches!(cache.entry(key).and_modify(change), Entry::Vacant(_));
            assert_eq!(is_vacant, !cache.contains(&key));
        }
    }
    assert_eq!(seen, resident.map(|resident| resident.id));
    if resident.is_none() {
        return;
    }
    if access != Access::Peek {
        model.touch(key);
    }
    let shrunk = weight <= model.residents[&key].weight;
    let fitted = shrunk || model.fits(key, weight);
    let misfit = !shrunk && model.misfit(key, weight).is_some();
    let heard = heard(cache);
    if fitted {
        assert_eq!(heard, [], "there was room");
    }
    if misfit {
        assert_eq!(heard.len(), 1, "only the misfit itself leaves");
        assert_eq!(heard[0].0, key);
        return model.hear_victims(heard, Some(key));
    }
    model.hear_victims(heard, None);
    if let Some(resident) = model.residents.get_mut(&key) {
        resident.weight = weight;
    }
}

fn get_or_insert<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    key: u32,
    weight: u32,
) {
    if let Some(resident) = model.residents.get(&key) {
        let id = resident.id;
        assert_eq!(
            cache
                .get_or_insert_with(key, || unreachable!("it is there"))
                .unwrap()
                .id,
            id
        );
        return model.touch(key);
    }
    let ticks = model.settings.time_to_live;
    insert(model, cache, (key, weight, ticks), |cache, value| {
        let id = value.id;
        assert_eq!(cache.get_or_insert_with(key, || value)?.id, id);
        Ok(None)
    });
}

fn entry_insert<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    (key, weight, ticks): (u32, u32, u64),
) {
    // An occupied entry counts as used even if the insert is refused then.
    model.touch(key);
    insert(
        model,
        cache,
        (key, weight, ticks),
        |cache, value| match cache.entry(key) {
            Entry::Occupied(entry) => entry.insert_with_ttl(value, ticks).map(Some),
            Entry::Vacant(entry) => {
                let id = value.id;
                assert_eq!(entry.insert_with_ttl(value, ticks)?.id, id);
                Ok(None)
            }
        },
    );
}

fn apply_limit<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    op: &Op,
) {
    match *op {
        Op::SetCapacity { capacity } => {
            let pinned: u64 = model
                .residents
                .values()
                .filter(|r| r.pinned)
                .map(|r| u64::from(r.weight))
                .sum();
            let result = cache.set_capacity(capacity);
            assert_eq!(
                result.err().map(|error| error.pinned),
                (pinned > capacity).then_some(pinned)
            );
            if pinned <= capacity {
                model.settings.capacity = capacity;
            }
            model.hear_victims(heard(cache), None);
        }
        Op::SetMaxEntries { max_entries } => {
            let pinned = model.residents.values().filter(|r| r.pinned).count();
            let result = cache.set_max_entries(max_entries);
            assert_eq!(result.is_err(), pinned > max_entries);
            if pinned <= max_entries {
                model.settings.max_entries = max_entries;
            }
            model.hear_victims(heard(cache), None);
        }
        _ => unreachable!("{op:?} is no limit"),
    }
}

/// Time, limits and what empties the cache.
fn apply_to_all<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    op: &Op,
) {
    let all = |model: &Model| model.residents.keys().copied().collect::<BTreeSet<_>>();
    match *op {
        Op::Advance { ticks } => {
            model.now = model.now.saturating_add(ticks);
            let now = model.now;
            let due = model
                .residents
                .iter()
                .filter(|(_, r)| r.deadline <= now && r.deadline != u64::MAX);
            let due = due.map(|(&key, _)| key).collect();
            assert_eq!(cache.advance_to(now), BTreeSet::len(&due));
            model.hear_exactly(heard(cache), &due, Cause::Expired);
        }
        Op::GoBack { ticks } => assert_eq!(cache.advance_to(model.now.saturating_sub(ticks)), 0),
        Op::SetCapacity { .. } | Op::SetMaxEntries { .. } => apply_limit(model, cache, op),
        Op::Retain { odd } => {
            cache.retain(|key, _| (key % 2 == 1) == odd);
            let gone = all(model)
                .into_iter()
                .filter(|key| (key % 2 == 1) != odd)
                .collect();
            model.hear_exactly(heard(cache), &gone, Cause::Cleared);
        }
        Op::Clear => {
            cache.clear();
            model.hear_exactly(heard(cache), &all(model), Cause::Cleared);
        }
        Op::Drain { count } => {
            let drained: Vec<_> = cache.drain().take(count).collect();
            assert_eq!(drained.len(), count.min(model.residents.len()));
            for (key, value) in &drained {
                assert_eq!(
                    model.residents.remove(key).expect("it was there").id,
                    value.id
                );
                model.settle(value);
            }
            model.hear_exactly(heard(cache), &all(model), Cause::Cleared);
        }
        Op::SetTimeToLive { .. } | Op::SetTimeToIdle { .. } => apply_default(model, cache, op),
        Op::Clone => *cache = cache.clone(),
        Op::EvictOne => evict_one(model, cache),
        _ => unreachable!("{op:?} is about one key"),
    }
}

fn evict_one<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
) {
    let order: Vec<u32> = cache.iter_by_eviction().map(|(key, _)| *key).collect();
    assert_eq!(
        order.iter().collect::<BTreeSet<_>>().len(),
        model.residents.len()
    );
    match cache.evict_one() {
        Some((key, value)) => {
            assert_eq!(key, order[0], "the order of eviction named it");
            let victim = model.residents.remove(&key).expect("a victim was resident");
            assert_eq!((victim.id, victim.pinned), (value.id, false));
            model.settle(&value);
        }
        None => assert!(model.residents.values().all(|resident| resident.pinned)),
    }
}

/// Lifetimes that entries have unless they are told otherwise.
fn apply_default<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    op: &Op,
) {
    let lifetime = |ticks: u64| Some(ticks).filter(|&ticks| ticks != u64::MAX);
    match *op {
        Op::SetTimeToLive { ticks } => {
            cache.set_time_to_live(lifetime(ticks));
            assert_eq!(cache.time_to_live(), lifetime(ticks));
            model.settings.time_to_live = ticks;
        }
        Op::SetTimeToIdle { ticks } => {
            cache.set_time_to_idle(lifetime(ticks));
            assert_eq!(cache.time_to_idle(), lifetime(ticks));
            model.settings.time_to_idle = ticks;
            let keys: BTreeSet<u32> = model.residents.keys().copied().collect();
            keys.iter().for_each(|&key| model.touch(key));
            if ticks == 0 {
                model.hear_exactly(heard(cache), &keys, Cause::Expired);
            }
        }
        _ => unreachable!("{op:?} is no default"),
    }
}

/// What is done to an entry that is there, and otherwise does nothing.
fn apply_to_resident<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    op: &Op,
) {
    match *op {
        Op::Remove { key } => {
            let removed = cache.remove_entry(&key);
            let expected = model.residents.remove(&key);
            assert_eq!(
                removed.as_ref().map(|(key, value)| (*key, value.id)),
                expected.map(|r| (key, r.id))
            );
            if let Some((_, value)) = removed {
                model.settle(&value);
            }
        }
        Op::Pin { key } => {
            assert_eq!(cache.pin(&key), model.residents.contains_key(&key));
            if let Some(resident) = model.residents.get_mut(&key) {
                resident.pinned = true;
            }
        }
        Op::Unpin { key } => {
            let resident = model.residents.get_mut(&key);
            let was = resident.is_some_and(|resident| std::mem::take(&mut resident.pinned));
            assert_eq!(cache.unpin(&key), was);
        }
        Op::SetTtl { key, ticks } => {
            assert_eq!(
                cache.set_ttl(&key, ticks),
                model.residents.contains_key(&key)
            );
            let (limit, deadline) = model.limits(ticks);
            let Some(resident) = model.residents.get_mut(&key) else {
                return;
            };
            (resident.limit, resident.deadline) = (limit, deadline);
            if deadline <= model.now {
                model.hear_exactly(heard(cache), &BTreeSet::from([key]), Cause::Expired);
            }
        }
        _ => apply_to_all(model, cache, op),
    }
}

pub(super) fn apply<P: Policy + Clone, S: BuildHasher + Clone>(
    model: &mut Model,
    cache: &mut Subject<P, S>,
    op: &Op,
) {
    match *op {
        Op::Insert { key, weight } => {
            let ticks = model.settings.time_to_live;
            insert(model, cache, (key, weight, ticks), |cache, value| {
                cache.insert(key, value)
            });
        }
        Op::InsertTtl { key, weight, ticks } => {
            insert(model, cache, (key, weight, ticks), |cache, value| {
                cache.insert_with_ttl(key, value, ticks)
            });
        }
        Op::Get { key } => {
            assert_eq!(
                cache.get(&key).map(|value| value.id),
                model.residents.get(&key).map(|r| r.id)
            );
            model.touch(key);
        }
        Op::Peek { key } => {
            assert_eq!(
                cache.peek(&key).map(|value| value.id),
                model.residents.get(&key).map(|r| r.id)
            );
            assert_eq!(cache.contains(&key), model.residents.contains_key(&key));
        }
        Op::GetOrInsert { key, weight } => get_or_insert(model, cache, key, weight),
        Op::LoadFails { key } => {
            let result = cache.try_get_or_insert_with(key, || Err("no such thing"));
            assert_eq!(result.is_ok(), model.residents.contains_key(&key));
            assert!(matches!(
                result,
                Ok(_) | Err(TryInsertError::Load("no such thing"))
            ));
            model.touch(key);
        }
        Op::EntryInsert { key, weight, ticks } => entry_insert(model, cache, (key, weight, ticks)),
        Op::EntryRemove { key } => {
            let Entry::Occupied(entry) = cache.entry(key) else {
                return assert!(!model.residents.contains_key(&key));
            };
            let value = entry.remove();
            assert_eq!(model.residents.remove(&key).map(|r| r.id), Some(value.id));
            model.settle(&value);
        }
        Op::Change { key, weight } => change(model, cache, (key, weight), Access::Use),
        Op::PeekChange { key, weight } => change(model, cache, (key, weight), Access::Peek),
        Op::EntryModify { key, weight } => change(model, cache, (key, weight), Access::Entry),
        Op::Leak { key, weight } => {
            if let Some(mut guard) = cache.get_mut(&key) {
                guard.weight = weight;
                std::mem::forget(guard);
            }
            model.touch(key);
        }
        _ => apply_to_resident(model, cache, op),
    }
}
