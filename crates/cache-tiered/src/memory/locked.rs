//! A shard whose lock a thread has: how entries leave, and what is let go of after the lock. How they come is `put`.
//!
//! Copies for callers and the listener are made of what is out of everything already: should a clone panic, the shard is
//! whole.

use super::departed::{Departed, Departure};
use super::flight::Turn;
use super::lives::NEVER;
use super::read::{fence, pinned};
use super::settings::Settings;
use super::shard::{Counts, Node, Shard, State};
use super::sync::MutexGuard;
use cache_policies::{Cause, Policy, RejectReason, Rejected, Slot};
use hashbrown::Equivalent;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

pub(super) struct Locked<'a, K, V, P: Policy> {
    pub(super) settings: &'a Settings<K, V>,
    pub(super) shard: &'a Shard<K, V, P>,
    pub(super) state: MutexGuard<'a, State<K, V, P>>,
}

/// What left while the lock was held, to be told of and dropped without it.
pub(super) struct Leaving<K, V> {
    pub(super) departed: Departed<K, V>,
    pub(super) reclaimed: Vec<Node<K, V>>,
    /// Whether more can be reclaimed soon if somebody [fences](fence), which is better done without the lock.
    pub(super) wants_fence: bool,
}

impl<'a, K, V, P: Policy> Locked<'a, K, V, P> {
    #[inline]
    pub(super) const fn new(
        settings: &'a Settings<K, V>,
        shard: &'a Shard<K, V, P>,
        state: MutexGuard<'a, State<K, V, P>>,
    ) -> Self {
        Self {
            settings,
            shard,
            state,
        }
    }

    /// The slot of a key, dead or alive.
    #[inline(always)]
    pub(super) fn find<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<u32> {
        let writer = self.shard.arena.writer(&mut self.state.token);
        writer.find(hash, |node| key.equivalent(&node.key))
    }

    /// What `read` makes of the entry in a slot.
    pub(super) fn at<R>(&mut self, slot: u32, read: impl FnOnce(&Node<K, V>) -> R) -> R {
        read(self.shard.arena.writer(&mut self.state.token).get(slot))
    }

    /// The slots of all entries. O(slots).
    pub(super) fn slots(&mut self) -> Vec<u32> {
        self.shard
            .arena
            .writer(&mut self.state.token)
            .slots()
            .collect()
    }

    /// Takes an entry that is out of the residency out of the arena; `take` makes what is wanted of it.
    pub(super) fn unlink<R>(&mut self, slot: u32, take: impl FnOnce(&Node<K, V>) -> R) -> R {
        let mut writer = self.shard.arena.writer(&mut self.state.token);
        pinned(|pin| take(writer.unlink(pin, slot)))
    }

    /// Lets an entry leave that is out of the residency.
    #[inline]
    pub(super) fn leave(&mut self, place: Slot, cause: Cause) {
        let slot = self.state.places.arena(place);
        let counts = &mut self.state.counts;
        *match cause {
            Cause::Expired => &mut counts.expirations,
            Cause::Cleared => &mut counts.cleared,
            _ => &mut counts.evictions,
        } += 1;
        match self.settings.told() {
            None => self.shard.arena.writer(&mut self.state.token).discard(slot),
            Some(told) => {
                let (key, value) = self.unlink(slot, |node| (told.copy)(&node.key, &node.value));
                self.depart_as(key, value, cause);
            }
        }
    }

    /// An entry, or a copy of it, is to be told of once the lock is free.
    pub(super) fn depart_as(&mut self, key: K, value: V, cause: Cause) {
        let told = self.settings.told.as_ref();
        let marker = told.and_then(|told| told.mark.as_ref());
        let mark = marker.map_or(0, |mark| mark(&key));
        self.state.departed.push(Departure {
            key,
            value,
            cause,
            mark,
        });
    }

    /// Whether more waits to be reclaimed than may.
    #[inline]
    fn is_heavy(&mut self) -> bool {
        let retired = match self.settings.weigher {
            Some(_) => self.state.retired_weight,
            None => {
                let writer = self.shard.arena.writer(&mut self.state.token);
                writer.retired() as u64
            }
        };
        retired > self.state.retired_max
    }

    /// Values that no reader sees any more, for the caller to drop without the lock: those of whole batches, or all where
    /// what waits is too heavy or the caller wants it.
    #[inline]
    fn reclaim(&mut self, all: bool) -> Vec<Node<K, V>> {
        let mut out = Vec::new();
        let is_weighed = self.settings.weigher.is_some();
        let is_heavy = self.is_heavy();
        let mut writer = self.shard.arena.writer(&mut self.state.token);
        let before = writer.retired();
        if all || is_heavy {
            writer.reclaim_all(&mut out);
        } else {
            writer.reclaim(&mut out);
        }
        let left = writer.retired();
        if is_weighed && left < before {
            // As if all weighed the same.
            let weight = u128::from(self.state.retired_weight) * left as u128;
            self.state.retired_weight = (weight / before as u128) as u64;
        }
        out
    }

    /// An entry that was refused leaves at once, as one that was evicted or has expired would.
    ///
    /// Returned, for the caller to drop without the lock, where there is no listener.
    pub(super) fn depart(&mut self, rejected: Rejected<K, V>) -> Option<Rejected<K, V>> {
        let cause = match rejected.reason {
            RejectReason::Stillborn => Cause::Expired,
            _ => Cause::Capacity,
        };
        if self.settings.told().is_none() {
            return Some(rejected);
        }
        let Rejected { key, value, .. } = rejected;
        self.depart_as(key, value, cause);
        None
    }

    pub(super) fn reject(&mut self, node: Node<K, V>, reason: RejectReason) -> Rejected<K, V> {
        self.state.counts.rejections += 1;
        let Node { key, value } = node;
        Rejected { key, value, reason }
    }
}

/// Is taken for every key: what is looked for has its hash, and no keys are compared.
struct Any;

impl<K> Equivalent<K> for Any {
    fn equivalent(&self, _: &K) -> bool {
        true
    }
}

impl<K, V, P: Policy> Locked<'_, K, V, P> {
    /// Lets time pass, does something, and lets go of the lock; what left by that is told of and dropped then. The same
    /// goes for what the caller lets `act` return.
    #[inline]
    pub(super) fn run<R>(mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        self.tick();
        let result = act(&mut self);
        self.release(false);
        result
    }

    /// Lets go of the lock; what has left is told of and dropped then.
    #[inline]
    pub(super) fn release(mut self, all: bool) {
        // Most of the time nobody is to be told, and too little waits to be worth a look.
        if all || self.has_leaving() {
            self.let_go(all);
        }
    }

    #[inline]
    fn has_leaving(&mut self) -> bool {
        let waits = self.shard.arena.writer(&mut self.state.token).has_work();
        waits || self.is_heavy() || !self.state.departed.is_empty()
    }

    #[inline(never)]
    fn let_go(self, all: bool) {
        let settings = self.settings;
        let leaving = self.end(all);
        if leaving.wants_fence {
            // Refused: whoever has the lock and needs it asks again, and takes note of that.
            let _made = fence();
        }
        settings.dispatch(leaving.departed);
        drop(leaving.reclaimed);
    }

    /// Lets go of the lock; what has left is the caller's to tell of and to drop.
    pub(super) fn end(mut self, all: bool) -> Leaving<K, V> {
        let reclaimed = self.reclaim(all);
        let mut writer = self.shard.arena.writer(&mut self.state.token);
        Leaving {
            reclaimed,
            wants_fence: writer.wants_fence(),
            departed: self.state.departed.take(),
        }
    }

    /// Lets the time pass that has passed; nothing where no entry has a limited life.
    #[inline]
    pub(super) fn tick(&mut self) {
        if self.shard.is_timed() {
            self.tick_timed();
        }
    }

    #[cold]
    fn tick_timed(&mut self) {
        self.state.advance_to(self.settings.clock.now());
        let lives = self.shard.lives();
        loop {
            let before = self.state.weight();
            let Some(place) = self.state.pop_idle(lives) else {
                break;
            };
            self.state.retired_weight += before - self.state.weight();
            self.leave(place, Cause::Expired);
        }
    }

    /// Makes a slot of the policy vacant whose entry is about to leave; `counted` says what its partition has one more of.
    pub(super) fn dismiss(&mut self, place: Slot, counted: fn(&mut Counts) -> &mut u64) {
        let weight = self.state.weight_of(place);
        self.state.vacate(place, counted);
        self.state.retired_weight += u64::from(weight);
    }

    /// The slot of a key that is there and alive.
    #[inline(always)]
    pub(super) fn find_alive<Q: Equivalent<K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
    ) -> Option<u32> {
        let slot = self.find(hash, key)?;
        (!self.shard.is_timed() || self.is_alive(slot)).then_some(slot)
    }

    /// Whether the entry that was found in a slot is alive; it leaves if it is not.
    #[inline(never)]
    fn is_alive(&mut self, slot: u32) -> bool {
        let now = self.state.residency.now();
        // Readers may know better than the policy, which hears of hits later than they were.
        let is_over = self.shard.lives().is_over(slot, now);
        if is_over {
            let place = self.state.places.policy(slot);
            self.dismiss(place, |counts| &mut counts.expirations);
            self.leave(place, Cause::Expired);
        }
        !is_over
    }

    /// What `read` makes of the value of a key that is there and alive.
    pub(super) fn peek<Q, R>(&mut self, hash: u64, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.find_alive(hash, key)?;
        Some(self.at(slot, |node| read(&node.value)))
    }

    /// Tells the policy of all hits that readers have counted or noted. O(slots).
    pub(super) fn tell_hits(&mut self) {
        self.shard.drain(&mut self.state);
        if !self.shard.counts_touches() {
            return;
        }
        for slot in self.slots() {
            let state = &mut *self.state;
            let place = state.places.policy(slot);
            let mut writer = self.shard.arena.writer(&mut state.token);
            for _ in 0..writer.take_touches(slot) {
                state.try_touch(place);
            }
        }
    }

    /// Milliseconds that the entry in a slot may still be kept, if it is alive; `NEVER` is for ever.
    pub(super) fn left(&self, slot: u32, now: u64) -> Option<u64> {
        if !self.shard.is_timed() {
            return Some(NEVER);
        }
        let lives = self.shard.lives();
        (!lives.is_over(slot, now)).then(|| lives.left(slot, now))
    }

    /// Takes an entry out that is there and alive; what `take` makes of it.
    pub(super) fn remove<Q, R>(
        &mut self,
        hash: u64,
        key: &Q,
        take: impl FnOnce(&Node<K, V>) -> R,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.shard.drain(&mut self.state);
        let slot = self.find_alive(hash, key)?;
        let place = self.state.places.policy(slot);
        self.dismiss(place, |counts| &mut counts.removals);
        self.state.counts.removals += 1;
        Some(self.unlink(slot, take))
    }

    /// Ends a mutation whose value readers are not to see here: they ask the store. The error is what a comparison of keys
    /// panicked with: then all that has the key's hash is hidden.
    pub(super) fn conceal(&mut self, hash: u64, key: &K, turn: &Arc<Turn>) -> thread::Result<()>
    where
        K: Eq,
    {
        let hidden = catch_unwind(AssertUnwindSafe(|| {
            self.state.flights.detach(hash, key);
            self.remove(hash, key, |_| ());
        }));
        if hidden.is_err() {
            self.state.flights.detach_hash(hash);
            while self.remove(hash, &Any, |_| ()).is_some() {}
        }
        self.state.flights.hand_over(hash, turn);
        hidden
    }

    /// Keeps a key from being evicted; whether it is there.
    pub(super) fn pin<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> bool {
        let slot = self.find_alive(hash, key);
        if let Some(slot) = slot {
            let place = self.state.places.policy(slot);
            self.state.pin(place);
        }
        slot.is_some()
    }

    /// Lets a key be evicted again; whether it was pinned.
    pub(super) fn unpin<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> bool {
        let slot = self.find_alive(hash, key);
        slot.is_some_and(|slot| {
            let place = self.state.places.policy(slot);
            self.state.unpin(place)
        })
    }

    /// Lets all entries leave that are not `kept`. O(slots).
    pub(super) fn retain(&mut self, mut kept: impl FnMut(&K, &V) -> bool) {
        for slot in self.slots() {
            if !self.at(slot, |node| kept(&node.key, &node.value)) {
                let place = self.state.places.policy(slot);
                self.dismiss(place, |counts| &mut counts.cleared);
                self.leave(place, Cause::Cleared);
            }
        }
    }

    /// Copies of all entries that are alive. O(slots).
    pub(super) fn copies(&mut self) -> Vec<(K, V)>
    where
        K: Clone,
        V: Clone,
    {
        self.slots()
            .into_iter()
            .map(|slot| self.at(slot, |node| (node.key.clone(), node.value.clone())))
            .collect()
    }
}
