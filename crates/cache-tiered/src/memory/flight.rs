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

use crate::error::LoadError;
use crate::executor::while_waiting;
use event_listener::{Event, Listener};
use hashbrown::{Equivalent, HashTable};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

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
        self.ended.notify(usize::MAX);
    }

    /// Waits for the end without holding a thread.
    pub(crate) async fn ending(&self) -> Ending<V> {
        loop {
            if let Some(ending) = self.ending.get() {
                return ending.clone();
            }
            let listener = self.ended.listen();
            // Looked at again after the registration, so that no end is missed.
            if self.ending.get().is_none() {
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
            if self.ending.get().is_none() {
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
        self.granted.store(true, Ordering::Release);
        self.came.notify(usize::MAX);
    }

    pub(super) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Acquire)
    }

    /// Waits on this thread until the key is this mutation's.
    pub(super) fn wait_until_granted(&self) {
        while !self.is_granted() {
            let listener = self.came.listen();
            if !self.is_granted() {
                while_waiting(|| listener.wait());
            }
        }
    }

    /// Waits until the key is this mutation's.
    pub(super) async fn granted(&self) {
        while !self.is_granted() {
            let listener = self.came.listen();
            if !self.is_granted() {
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
    /// A mutation owns the key.
    mutating: bool,
    /// The key was invalidated since that mutation got it, so its value is not to be shown: who
    /// invalidates knows of a change that may be later.
    invalidated: bool,
    queue: VecDeque<Arc<Turn>>,
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
                mutating: false,
                invalidated: false,
                queue: VecDeque::new(),
            })
            .into_mut()
    }

    /// Drops the state of a key for which nothing is under way any more.
    fn settle<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) {
        if let Ok(entry) = self
            .states
            .find_entry(hash, |state| key.equivalent(&state.key))
        {
            let state = entry.get();
            if state.load.is_none() && !state.mutating && state.queue.is_empty() {
                entry.remove();
            }
        }
    }

    /// The load attached to a key.
    pub(super) fn load(&mut self, hash: u64, key: &K) -> Option<Arc<Load<V>>>
    where
        K: Eq,
    {
        self.find(hash, key)?.load.clone()
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

    /// Detaches whatever load the key has, and keeps the mutation that has it from showing its value.
    pub(super) fn invalidate<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) {
        if let Some(state) = self.find(hash, key) {
            state.invalidated = state.mutating;
        }
        self.detach(hash, key);
    }

    /// Invalidates every key.
    pub(super) fn invalidate_all(&mut self) {
        self.states.retain(|state| {
            state.load = None;
            state.invalidated = state.mutating;
            state.mutating || !state.queue.is_empty()
        });
    }

    /// Whether the key was invalidated since the mutation that has it got it.
    pub(super) fn is_invalidated(&mut self, hash: u64, key: &K) -> bool
    where
        K: Eq,
    {
        self.find(hash, key).is_some_and(|state| state.invalidated)
    }

    /// Detaches `load` if it still is attached; false if something changed the key meanwhile.
    pub(super) fn land(&mut self, hash: u64, key: &K, load: &Arc<Load<V>>) -> bool
    where
        K: Eq,
    {
        let attached = self
            .find(hash, key)
            .and_then(|state| state.load.take_if(|attached| Arc::ptr_eq(attached, load)))
            .is_some();
        if attached {
            self.settle(hash, key);
        }
        attached
    }

    /// Asks for the key on behalf of a mutation; the turn is granted at once if nobody has it.
    pub(super) fn enqueue(&mut self, hash: u64, key: &K) -> Arc<Turn>
    where
        K: Eq + Clone,
    {
        let turn = Arc::new(Turn::new());
        let state = self.state(hash, key);
        if state.mutating {
            state.queue.push_back(Arc::clone(&turn));
        } else {
            state.mutating = true;
            turn.grant();
        }
        turn
    }

    /// Ends a mutation: the key goes to the next in the queue.
    pub(super) fn hand_over(&mut self, hash: u64, key: &K)
    where
        K: Eq,
    {
        let Some(state) = self.find(hash, key) else {
            return;
        };
        state.invalidated = false;
        match state.queue.pop_front() {
            Some(next) => next.grant(),
            None => {
                state.mutating = false;
                self.settle(hash, key);
            }
        }
    }

    /// Gives up a turn that has not come: it leaves the queue.
    pub(super) fn withdraw(&mut self, hash: u64, key: &K, turn: &Arc<Turn>)
    where
        K: Eq,
    {
        if let Some(state) = self.find(hash, key) {
            state.queue.retain(|queued| !Arc::ptr_eq(queued, turn));
        }
    }

    /// Whether a load and whether a mutation is under way.
    pub(super) fn under_way(&mut self, hash: u64, key: &K) -> (bool, bool)
    where
        K: Eq,
    {
        self.find(hash, key).map_or((false, false), |state| {
            (state.load.is_some(), state.mutating)
        })
    }
}
