//! What is under way for a key: one load that others join, and one mutation after the other.
//!
//! Both are kept in the shard of the key, under the mutex of its entries, so that "look, then
//! load" and "write, then show" are one step each:
//!
//! * A load is *attached* while the key's state names it. Only an attached load may be joined, and
//!   only an attached load may install its value. Whatever changes the key detaches the load: its
//!   own callers, who asked before the change was acknowledged, still get its answer; nobody else
//!   does.
//! * One mutation at a time owns a key. The others queue, and an ending mutation hands the key to
//!   the next in the queue, so nobody who comes later overtakes.
//!
//! Both end by what they are, not by their key: so the comparison of keys, which may panic, is not
//! asked at an end, and what has ended cannot end what came after it.

#[cfg(all(test, cache_tiered_loom))]
mod loom;
mod mutant;

pub(super) use self::mutant::{Mutant, active};

use self::mutant::weaken;
use super::sync::{AtomicBool, Event, Listener, OnceLock};
use crate::error::LoadError;
use crate::executor::while_waiting;
use hashbrown::{Equivalent, HashTable};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Who a load asks: a get joins only loads that ask the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The store behind the cache.
    Store,
    /// A loader that one caller brought.
    Loader,
}

/// How a load ended.
#[derive(Clone, Debug)]
pub(crate) enum Ending<V> {
    /// With an answer for everybody who joined it.
    Answered(Result<V, LoadError>),
    /// Without one: the leader panicked or failed in a way that is its own. One of those who
    /// joined leads the next load.
    Abandoned,
}

/// One load, shared by everybody who waits for it.
pub(crate) struct Load<V> {
    pub(super) asked: Asked,
    ending: OnceLock<Ending<V>>,
    ended: Event,
}

impl<V: Clone> Load<V> {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            asked,
            ending: OnceLock::new(),
            ended: Event::new(),
        }
    }

    /// Tells everybody. Only the leader calls it, and once.
    pub(super) fn end(&self, ending: Ending<V>) {
        let first = self.ending.set(ending);
        debug_assert!(first.is_ok(), "a load ends once");
        if !active(Mutant::EndUnheard) {
            self.ended.notify(usize::MAX);
        }
    }

    /// Waits for the end without holding a thread.
    pub(crate) async fn ending(&self) -> Ending<V> {
        loop {
            if let Some(ending) = self.ending.get() {
                return ending.clone();
            }
            let listener = self.ended.listen();
            // Looked at again after the registration, so that no end is missed.
            if active(Mutant::EndUnlooked) || self.ending.get().is_none() {
                listener.await;
            }
        }
    }

    /// Waits for the end on this thread.
    pub(crate) fn wait_for_ending(&self) -> Ending<V> {
        loop {
            if let Some(ending) = self.ending.get() {
                return ending.clone();
            }
            let listener = self.ended.listen();
            if active(Mutant::EndUnlooked) || self.ending.get().is_none() {
                while_waiting(|| listener.wait());
            }
        }
    }
}

/// The place of a mutation in the queue of its key.
pub(crate) struct Turn {
    /// Set by the mutation that hands the key over (Release), read by the owner (Acquire).
    granted: AtomicBool,
    came: Event,
}

impl Turn {
    fn new() -> Self {
        Self {
            granted: AtomicBool::new(false),
            came: Event::new(),
        }
    }

    fn grant(&self) {
        let publishing = weaken(Ordering::Release, Mutant::GrantRelaxed);
        self.granted.store(true, publishing);
        if !active(Mutant::TurnUnheard) {
            self.came.notify(usize::MAX);
        }
    }

    pub(super) fn is_granted(&self) -> bool {
        self.granted
            .load(weaken(Ordering::Acquire, Mutant::GrantedRelaxed))
    }

    /// Waits on this thread until the key is this mutation's.
    pub(super) fn wait_until_granted(&self) {
        while !self.is_granted() {
            let listener = self.came.listen();
            if active(Mutant::TurnUnlooked) || !self.is_granted() {
                while_waiting(|| listener.wait());
            }
        }
    }

    /// Waits until the key is this mutation's.
    pub(super) async fn granted(&self) {
        while !self.is_granted() {
            let listener = self.came.listen();
            if active(Mutant::TurnUnlooked) || !self.is_granted() {
                listener.await;
            }
        }
    }
}

/// What is under way for one key.
struct State<K, V> {
    hash: u64,
    key: K,
    load: Option<Arc<Load<V>>>,
    /// The turn of the mutation that owns the key.
    owner: Option<Arc<Turn>>,
    /// The key was invalidated since that mutation got it, so its value is not to be shown: who
    /// invalidates knows of a change that may be later.
    invalidated: bool,
    queue: VecDeque<Arc<Turn>>,
}

impl<K, V> State<K, V> {
    fn is_settled(&self) -> bool {
        self.load.is_none() && self.owner.is_none() && self.queue.is_empty()
    }

    fn is_owned_by(&self, turn: &Arc<Turn>) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|owner| Arc::ptr_eq(owner, turn))
    }
}

/// The keys of a shard for which something is under way. A key without is not in it.
pub(crate) struct Flights<K, V> {
    states: HashTable<State<K, V>>,
}

impl<K, V> Flights<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            states: HashTable::new(),
        }
    }

    fn find<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<&mut State<K, V>> {
        // Most of the time nothing is under way, and a hit should not pay for the question.
        if self.states.is_empty() {
            return None;
        }
        self.states
            .find_mut(hash, |state| key.equivalent(&state.key))
    }

    fn state(&mut self, hash: u64, key: &K) -> &mut State<K, V>
    where
        K: Eq + Clone,
    {
        self.states
            .entry(hash, |state| state.key == *key, |state| state.hash)
            .or_insert_with(|| State {
                hash,
                key: key.clone(),
                load: None,
                owner: None,
                invalidated: false,
                queue: VecDeque::new(),
            })
            .into_mut()
    }

    /// Drops the state of a key for which nothing is under way any more.
    fn settle<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) {
        let found = self
            .states
            .find_entry(hash, |state| key.equivalent(&state.key));
        if let Ok(entry) = found
            && entry.get().is_settled()
        {
            entry.remove();
        }
    }

    /// The load attached to a key.
    pub(super) fn load(&mut self, hash: u64, key: &K) -> Option<Arc<Load<V>>>
    where
        K: Eq,
    {
        let load = self.find(hash, key)?.load.clone();
        load.filter(|_| !active(Mutant::Unjoined))
    }

    /// Attaches a new load.
    pub(super) fn attach(&mut self, hash: u64, key: &K, asked: Asked) -> Arc<Load<V>>
    where
        K: Eq + Clone,
        V: Clone,
    {
        let load = Arc::new(Load::new(asked));
        self.state(hash, key).load = Some(Arc::clone(&load));
        load
    }

    /// Detaches whatever load the key has: the key is about to change.
    pub(super) fn detach<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> bool {
        let detached = self
            .find(hash, key)
            .is_some_and(|state| state.load.take().is_some());
        if detached {
            self.settle(hash, key);
        }
        detached
    }

    /// Detaches the loads of all keys that have this hash, without comparing any. O(keys under way).
    #[cold]
    pub(super) fn detach_hash(&mut self, hash: u64) {
        self.states.retain(|state| {
            state.load = state.load.take().filter(|_| state.hash != hash);
            !state.is_settled()
        });
    }

    /// Detaches whatever load the key has, and keeps the mutation that has it from showing its value.
    #[inline]
    pub(super) fn invalidate<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) {
        if !self.states.is_empty() {
            self.invalidate_found(hash, key);
        }
    }

    #[cold]
    fn invalidate_found<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) {
        if let Some(state) = self.find(hash, key) {
            state.invalidated = state.owner.is_some() && !active(Mutant::InvalidatedShown);
        }
        if !active(Mutant::InvalidatedAttached) {
            self.detach(hash, key);
        }
    }

    /// Invalidates every key.
    pub(super) fn invalidate_all(&mut self) {
        self.states.retain(|state| {
            state.load = None;
            state.invalidated = state.owner.is_some();
            !state.is_settled()
        });
    }

    /// Whether the key was invalidated since this mutation, which has it, got it.
    pub(super) fn is_invalidated(&mut self, hash: u64, turn: &Arc<Turn>) -> bool {
        self.states
            .find(hash, |state| state.is_owned_by(turn))
            .is_some_and(|state| state.invalidated)
    }

    /// Detaches `load` if it still is attached; false if something changed the key meanwhile.
    pub(super) fn land(&mut self, hash: u64, load: &Arc<Load<V>>) -> bool {
        let is_its = |state: &State<K, V>| {
            let attached = state.load.as_ref();
            attached.is_some_and(|attached| Arc::ptr_eq(attached, load))
        };
        let Ok(mut entry) = self.states.find_entry(hash, is_its) else {
            return active(Mutant::LandsDetached);
        };
        entry.get_mut().load = None;
        if entry.get().is_settled() {
            entry.remove();
        }
        true
    }

    /// Asks for the key on behalf of a mutation; the turn is granted at once if nobody has it.
    pub(super) fn enqueue(&mut self, hash: u64, key: &K) -> Arc<Turn>
    where
        K: Eq + Clone,
    {
        let turn = Arc::new(Turn::new());
        let state = self.state(hash, key);
        if state.owner.is_some() && !active(Mutant::TurnAtOnce) {
            state.queue.push_back(Arc::clone(&turn));
        } else {
            state.owner = Some(Arc::clone(&turn));
            turn.grant();
        }
        turn
    }

    /// Ends a mutation: the key goes to the next in the queue. Nothing if it has ended already.
    pub(super) fn hand_over(&mut self, hash: u64, turn: &Arc<Turn>) {
        let owned = self
            .states
            .find_entry(hash, |state| state.is_owned_by(turn));
        let Ok(mut entry) = owned else {
            return;
        };
        let state = entry.get_mut();
        state.invalidated = false;
        state.owner = state.queue.pop_front();
        match &state.owner {
            Some(_) if active(Mutant::HandedToNobody) => {}
            Some(next) => next.grant(),
            None if state.is_settled() => drop(entry.remove()),
            None => {}
        }
    }

    /// Gives up a turn that has not come: it leaves the queue.
    pub(super) fn withdraw(&mut self, hash: u64, turn: &Arc<Turn>) {
        let is_its = |queued: &Arc<Turn>| Arc::ptr_eq(queued, turn);
        let state = self
            .states
            .find_mut(hash, |state| state.queue.iter().any(is_its));
        if let Some(state) = state
            && !active(Mutant::WithdrawnStays)
        {
            state.queue.retain(|queued| !is_its(queued));
        }
    }

    /// Whether a load and whether a mutation is under way.
    pub(super) fn under_way(&mut self, hash: u64, key: &K) -> (bool, bool)
    where
        K: Eq,
    {
        self.find(hash, key).map_or((false, false), |state| {
            (state.load.is_some(), state.owner.is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static PANICS: Cell<bool> = const { Cell::new(false) };
    }

    /// A key whose comparison panics when it is told to.
    #[derive(Clone)]
    struct Key;

    impl PartialEq for Key {
        fn eq(&self, _: &Self) -> bool {
            assert!(!PANICS.get(), "a comparison");
            true
        }
    }

    impl Eq for Key {}

    #[test]
    fn a_mutation_that_ends_twice_does_not_end_the_next() {
        let mut flights = Flights::<u8, u8>::new();
        let first = flights.enqueue(7, &1);
        flights.hand_over(7, &first);
        let second = flights.enqueue(7, &1);
        assert!(second.is_granted());
        flights.hand_over(7, &first);
        let third = flights.enqueue(7, &1);
        assert!(!third.is_granted(), "two mutations have one key");
        flights.hand_over(7, &second);
        assert!(third.is_granted());
        flights.hand_over(7, &third);
        assert_eq!(flights.under_way(7, &1), (false, false));
    }

    #[test]
    fn ends_do_not_compare_keys() {
        let mut flights = Flights::<Key, u8>::new();
        let [first, second, third] = [(); 3].map(|()| flights.enqueue(7, &Key));
        let load = flights.attach(7, &Key, Asked::Store);
        PANICS.set(true);
        assert!(!flights.is_invalidated(7, &first));
        assert!(flights.land(7, &load) && !flights.land(7, &load));
        flights.withdraw(7, &second);
        flights.hand_over(7, &first);
        assert!(third.is_granted() && !second.is_granted());
        flights.hand_over(7, &third);
        PANICS.set(false);
        assert_eq!(flights.under_way(7, &Key), (false, false));
    }
}
