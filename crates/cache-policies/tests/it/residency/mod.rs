//! `Residency`: the same as `Cache`, and the same however its owner tells of hits and uses.

mod operation;
mod owner;

use cache_policies::{
    AnyConfig, AnyPolicy, Cache, Cause, Fifo, FifoConfig, Hint, Policy, RejectReason, Residency,
    Room, Slot,
};
use foldhash::quality::FixedState;

use self::operation::{Op, Operations, ticks_of};
use self::owner::{Owner, hash_of};
use crate::policy_owner::cases;

type Subject =
    Cache<u64, u32, AnyPolicy, fn(&u64, &u32) -> u32, Vec<(u64, u32, Cause)>, FixedState>;

fn cache(config: &AnyConfig, operations: &Operations) -> Subject {
    let settings = operations.settings;
    Cache::<u64, u32>::builder()
        .capacity(settings.capacity)
        .max_entries(settings.max_entries)
        .time_to_live(ticks_of(settings.time_to_live))
        .time_to_idle(ticks_of(settings.time_to_idle))
        .policy::<AnyPolicy>(config.clone())
        .weigher((|_, weight| *weight) as fn(&u64, &u32) -> u32)
        .listener(Vec::new())
        .hasher(FixedState::with_seed(7))
        .build()
        .unwrap()
}

fn apply(cache: &mut Subject, op: &Op) -> Result<(), RejectReason> {
    match *op {
        Op::Request {
            key, weight, ticks, ..
        } => match cache.get(&key) {
            Some(_) => {}
            None => {
                let inserted = cache.insert_with_ttl(key, weight, ticks);
                inserted.map_err(|rejected| rejected.reason)?;
            }
        },
        Op::Put {
            key, weight, ticks, ..
        } => {
            let inserted = cache.insert_with_ttl(key, weight, ticks);
            inserted.map_err(|rejected| rejected.reason)?;
        }
        Op::Remove { key } => drop(cache.remove(&key)),
        Op::Pin { key } => drop(cache.pin(&key)),
        Op::Unpin { key } => drop(cache.unpin(&key)),
        Op::Change { key, weight, .. } => {
            if let Some(mut value) = cache.get_mut(&key) {
                *value = weight;
            }
        }
        Op::SetTtl { key, ticks } => drop(cache.set_ttl(&key, ticks)),
        Op::Advance { ticks } => drop(cache.advance_to(cache.now().saturating_add(ticks))),
        Op::Evict => drop(cache.evict_one()),
        Op::SetCapacity { capacity } => drop(cache.set_capacity(capacity)),
        Op::SetMaxEntries { max_entries } => drop(cache.set_max_entries(max_entries)),
        Op::Shed { entries } => drop(cache.shed(entries)),
        Op::SetTimeToIdle { ticks } => cache.set_time_to_idle(ticks),
    }
    Ok(())
}

/// The configurations of the policies of one kind, a few more than the defaults.
fn configs(is_wanted: impl Fn(&AnyPolicy) -> bool) -> Vec<AnyConfig> {
    let more = [
        "clock:bits=2",
        "s3-fifo:threshold=1",
        "s3-fifo:warm-up=small",
        "s3-fifo:ghost-kind=prints",
    ];
    let more = more.map(|text| text.parse::<AnyConfig>().unwrap());
    let all = AnyConfig::all().into_iter().chain(more);
    all.filter(|config| is_wanted(&AnyPolicy::new(10, config).unwrap()))
        .collect()
}

#[test]
fn an_owner_evicts_what_a_cache_evicts() {
    // Those that know the future are told it in simulations, and go by the number of the slot where they are not.
    for config in configs(|_| true)
        .into_iter()
        .filter(|config| !config.is_offline())
    {
        for seed in 0..cases().div_ceil(50) {
            let mut operations = Operations::new(seed);
            let mut cache = cache(&config, &operations);
            let mut owner = Owner::new(&config, operations.settings);
            for _ in 0..300 {
                let op = operations.next();
                let (here, there) = (owner.apply(&op), apply(&mut cache, &op));
                assert_eq!(here, there, "{config}, seed {seed}: {op:?}");
                let mut heard: Vec<_> = std::mem::take(cache.listener_mut())
                    .into_iter()
                    .map(|(key, _, cause)| (key, cause))
                    .collect();
                let mut left = std::mem::take(&mut owner.left);
                // What is due at once is due in no order.
                let is_evicted = |(_, cause): &(u64, Cause)| *cause != Cause::Expired;
                heard.sort_by_key(|gone| {
                    (is_evicted(gone), if is_evicted(gone) { 0 } else { gone.0 })
                });
                left.sort_by_key(|gone| {
                    (is_evicted(gone), if is_evicted(gone) { 0 } else { gone.0 })
                });
                assert_eq!(left, heard, "{config}, seed {seed}: {op:?}");
                compare(&owner, &cache);
            }
        }
    }
}

fn compare(owner: &Owner, cache: &Subject) {
    owner.check();
    let residency = &owner.residency;
    assert_eq!(
        (residency.len(), residency.weight()),
        (cache.len(), cache.weight())
    );
    assert_eq!(
        (residency.pinned_len(), residency.pinned_weight()),
        (cache.pinned_len(), cache.pinned_weight())
    );
    assert_eq!(
        (residency.capacity(), residency.max_entries()),
        (cache.capacity(), cache.max_entries())
    );
    assert_eq!(
        (residency.surplus_weight(), residency.surplus_entries()),
        (cache.surplus_weight(), cache.surplus_entries())
    );
    for (key, slot) in owner.keys() {
        assert_eq!(cache.peek(&key).is_some(), !residency.is_dead(slot));
        assert_eq!(residency.is_pinned(slot), cache.is_pinned(&key));
        assert_eq!(residency.deadline(slot), cache.deadline(&key));
    }
}

/// Two owners to whom the same happens lose the same.
fn lose_the_same(config: &AnyConfig, seed: u64, other: impl FnOnce(Owner) -> Owner) {
    let mut operations = Operations::new(seed);
    let mut told = Owner::new(config, operations.settings);
    let mut late = other(Owner::new(config, operations.settings));
    for _ in 0..300 {
        let op = operations.next();
        assert_eq!(
            late.apply(&op),
            told.apply(&op),
            "{config}, seed {seed}: {op:?}"
        );
        late.check();
        let gone = |owner: &mut Owner| {
            let left = std::mem::take(&mut owner.left).into_iter();
            let mut left: Vec<u64> = left.map(|(key, _)| key).collect();
            if matches!(op, Op::Advance { .. } | Op::SetTimeToIdle { .. }) {
                left.sort_unstable();
            }
            left
        };
        assert_eq!(
            gone(&mut late),
            gone(&mut told),
            "{config}, seed {seed}: {op:?}"
        );
    }
    assert!(late.keys().eq(told.keys()), "{config}, seed {seed}");
}

#[test]
fn hits_that_are_counted_are_as_good_as_hits_that_are_told_at_once() {
    let configs = configs(|policy| policy.touches_max().is_some());
    let names: Vec<String> = configs.iter().map(ToString::to_string).collect();
    for policy in ["fifo", "clock", "sieve", "s3-fifo", "random"] {
        assert!(
            names.iter().any(|name| name.starts_with(policy)),
            "{names:?}"
        );
    }
    for config in configs {
        for seed in 0..cases().div_ceil(10) {
            lose_the_same(&config, seed, Owner::counting);
        }
    }
}

#[test]
fn uses_that_are_noted_are_as_good_as_uses_that_are_told_at_once() {
    for config in configs(|policy| policy.touches_max().is_some()) {
        for seed in 0..cases().div_ceil(20) {
            lose_the_same(&config, seed, |owner| owner.counting().noting());
        }
    }
}

#[test]
fn policies_that_want_each_hit_ask_for_no_counts() {
    for config in configs(|policy| policy.touches_max().is_none_or(|most| most == 0)) {
        let mut policies = [(); 2].map(|()| AnyPolicy::new(50, &config).unwrap());
        for policy in &mut policies {
            for number in 0..50 {
                let hint = policy.miss(u64::from(number));
                policy.insert(Slot::new(number), u64::from(number), 1, hint);
                policy.hit(Slot::new(number / 2), u64::from(number / 2));
            }
        }
        let [told, asking] = &mut policies;
        while let Some(victim) = told.evict() {
            let other = asking.evict_touched(|_| unreachable!("{config} asks"));
            assert_eq!(other, Some(victim), "{config}");
        }
    }
}

/// A residency by exchanges and one by steps, and what both have in their slots.
struct Pair {
    both: [Residency<AnyPolicy>; 2],
    counts: [Vec<u8>; 2],
    keys: Vec<Option<u64>>,
    vacant: Slot,
}

impl Pair {
    const CAPACITY: usize = 50;

    fn new(config: &AnyConfig) -> Self {
        let policy = || AnyPolicy::new(Self::CAPACITY as u64, config).unwrap();
        Self {
            both: [(); 2].map(|()| Residency::new(policy())),
            counts: [(); 2].map(|()| vec![0; Self::CAPACITY + 1]),
            keys: vec![None; Self::CAPACITY + 1],
            vacant: Slot::new(0),
        }
    }

    /// Asks for a key; what went for it.
    fn request(&mut self, key: u64) -> Option<Slot> {
        let hash = hash_of(key);
        if let Some(at) = self.keys.iter().position(|other| *other == Some(key)) {
            for (residency, counts) in self.both.iter_mut().zip(&mut self.counts) {
                match residency.policy().touches_max() {
                    Some(most) => counts[at] = (counts[at] + 1).min(most),
                    None => residency.hit(Slot::new(at as u32), hash),
                }
            }
            return None;
        }
        let [whole, steps] = &mut self.both;
        let [counts, others] = &mut self.counts;
        let take = |slot: Slot| std::mem::take(&mut counts[slot.index()]);
        let went = whole.exchange_touched(self.vacant, hash, u64::MAX, take);
        if went.is_none() {
            let demand = whole.demand(1, u64::MAX, None).unwrap();
            let hint = whole.miss(hash);
            whole.insert(self.vacant, hash, &demand, hint);
        }
        let mut demand = steps.demand(1, u64::MAX, None).unwrap();
        let hint = steps.miss(hash);
        let take = |slot: Slot| std::mem::take(&mut others[slot.index()]);
        let room = steps.make_room_touched(&mut demand, take);
        steps.insert(self.vacant, hash, &demand, hint);
        assert!(match room {
            Room::Made => went.is_none(),
            Room::Victim(victim) => went == Some(victim.slot) && !victim.dead,
            Room::None => false,
        });
        self.keys[self.vacant.index()] = Some(key);
        let next = Slot::new(whole.len() as u32);
        self.vacant = went.unwrap_or(next);
        self.keys[self.vacant.index()] = None;
        for counts in &mut self.counts {
            counts[self.vacant.index()] = 0;
        }
        went
    }
}

#[test]
fn an_exchange_is_a_miss_an_eviction_and_an_insert() {
    let all = configs(|_| true).into_iter();
    for config in all.filter(|config| !config.is_offline()) {
        let mut pair = Pair::new(&config);
        let (mut state, mut went) = (3_u64, 0);
        for _ in 0..3_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let key = (state >> 33) % 140 * ((state >> 20) % 3) / 2;
            went += usize::from(pair.request(key).is_some());
            pair.both[0].check();
        }
        assert!(went > 300, "{config}: {went}");
    }
}

#[test]
fn there_is_no_exchange_where_there_is_more_to_it() {
    let mut residency = fifo(2);
    let slot = Slot::new(2);
    insert(&mut residency, 0, 1);
    assert_eq!(residency.exchange_touched(slot, 2, u64::MAX, |_| 0), None);
    insert(&mut residency, 1, 1);
    assert_eq!(residency.exchange_touched(slot, 2, 9, |_| 0), None);
    residency.pin(Slot::new(1));
    assert_eq!(residency.exchange_touched(slot, 2, u64::MAX, |_| 0), None);
    residency.unpin(Slot::new(1));
    residency.set_capacity(1).unwrap();
    assert_eq!(residency.exchange_touched(slot, 2, u64::MAX, |_| 0), None);
    assert_eq!(residency.len(), 2);
    residency.set_capacity(2).unwrap();
    while residency.shed().is_some() {}
    let went = residency.exchange_touched(slot, 2, u64::MAX, |_| 0);
    assert_eq!(went, Some(Slot::new(0)));
    residency.check();
}

#[test]
fn hits_that_never_end_put_an_eviction_off_for_a_turn_and_no_longer() {
    for config in configs(|policy| policy.touches_max().is_some()) {
        let mut residency = Residency::new(AnyPolicy::new(100, &config).unwrap());
        for number in 0..100 {
            let demand = residency.demand(1, u64::MAX, None).unwrap();
            residency.insert(Slot::new(number), u64::from(number), &demand, Hint::NONE);
        }
        for left in (0..100).rev() {
            let mut asked = 0;
            let victim = residency.evict_touched(|_| {
                asked += 1;
                u8::MAX
            });
            assert!(victim.is_some() && residency.len() == left, "{config}");
            assert!(asked <= left + 1, "{config} asks {asked} times");
            residency.check();
        }
    }
}

fn fifo(capacity: u64) -> Residency<Fifo> {
    Residency::new(Fifo::new(capacity, &FifoConfig::default()).unwrap())
}

fn insert(residency: &mut Residency<Fifo>, number: u32, weight: u32) {
    let mut demand = residency.demand(weight, u64::MAX, None).unwrap();
    assert_eq!(residency.make_room(&mut demand), Room::Made);
    residency.insert(Slot::new(number), u64::from(number), &demand, Hint::NONE);
}

#[test]
fn what_is_to_be_replaced_may_be_the_victim_and_is_then_gone() {
    let mut residency = fifo(10);
    insert(&mut residency, 0, 4);
    insert(&mut residency, 1, 6);
    let own = Slot::new(0);
    let mut demand = residency.demand(5, u64::MAX, Some(own)).unwrap();
    assert_eq!(demand.replaced(), Some(own));
    assert!(matches!(residency.make_room(&mut demand), Room::Victim(victim) if victim.slot == own));
    assert_eq!((demand.replaced(), residency.len()), (None, 1));
    // Its own weight is no longer free: the other one has to go as well.
    assert!(
        matches!(residency.make_room(&mut demand), Room::Victim(victim) if victim.slot.get() == 1)
    );
    assert_eq!(residency.make_room(&mut demand), Room::Made);
}

#[test]
fn a_demand_that_a_lowered_limit_has_overtaken_evicts_nothing() {
    let mut residency = fifo(10);
    insert(&mut residency, 0, 4);
    let mut demand = residency.demand(8, u64::MAX, None).unwrap();
    residency.set_capacity(5).unwrap();
    assert_eq!(residency.make_room(&mut demand), Room::None);
    assert_eq!(residency.len(), 1);
    insert(&mut residency, 1, 1);
    residency.check();
}

#[test]
#[should_panic(expected = "give the policy without entries")]
fn a_policy_with_entries_is_refused() {
    let mut policy = Fifo::new(10, &FifoConfig::default()).unwrap();
    policy.insert(Slot::new(0), 0, 1, Hint::NONE);
    let _ = Residency::new(policy);
}
