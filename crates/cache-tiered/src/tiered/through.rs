//! Write-through's way to the store: retries, the time limit, and attempts that outlive it.
//!
//! ```text
//!   running --ended--> the caller concludes
//!      |
//!      +--time up--> stray: the caller hears "unknown", the attempt has the key until it ends
//! ```
//!
//! While a key has a stray attempt its value may change at any time: reads ask the store and keep
//! nothing, and further mutations are answered with `Busy`. A sink that takes no mutation after a
//! later one of its key needs only the former: the key is handed on at once.

use super::Shared;
use super::gate::Pass;
use super::kept::Kept;
use super::writes::Through;
use crate::error::StoreError;
use crate::executor::Detached;
use crate::memory::{Ownership, milliseconds};
use crate::operation::CatchUnwind;
use crate::retry::Retry;
use crate::sink::{Applied, ApplyError, Mutation};
use event_listener::Event;
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::any::Any;
use std::hash::Hash;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The store took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("the store has not answered within {0:?}: the write may still take effect")]
struct TimedOut(Duration);

/// Settings, and the keys with stray attempts.
pub(super) struct ThroughPath<K> {
    timeout: Option<Duration>,
    retry: Retry,
    /// Tells the pauses of different attempts apart. Relaxed.
    draws: AtomicU64,
    strays: Mutex<HashMap<K, usize, RandomState>>,
    /// How many there are, so that most calls need no lock. Raised (Release) before the key is
    /// invalidated, looked at (Acquire) by loads that began after that.
    count: AtomicUsize,
    /// Told when there is one more.
    strayed: Event,
}

impl<K> ThroughPath<K> {
    pub(super) fn new(settings: &Through) -> Self {
        Self {
            timeout: settings.timeout,
            retry: settings.retry,
            draws: AtomicU64::new(0),
            strays: Mutex::default(),
            count: AtomicUsize::new(0),
            strayed: Event::new(),
        }
    }
}

impl<K: Hash + Eq + Clone> ThroughPath<K> {
    /// Whether a key has a stray attempt.
    pub(super) fn strays(&self, key: &K) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.strays.lock().contains_key(key)
    }

    fn add(&self, key: &K) {
        *self.strays.lock().entry(key.clone()).or_default() += 1;
        self.count.fetch_add(1, Ordering::Release);
    }

    fn remove(&self, key: &K) {
        let mut strays = self.strays.lock();
        if let Some(attempts) = strays.get_mut(key) {
            *attempts -= 1;
            if *attempts == 0 {
                strays.remove(key);
            }
        }
        self.count.fetch_sub(1, Ordering::Release);
    }
}

type Outcome = Result<Applied, ApplyError<StoreError>>;
type Owner<K, V> = Ownership<K, Kept<V>>;

/// How an attempt ended, for its caller.
pub(super) struct Ended<K: Hash + Eq, V> {
    pub(super) outcome: Outcome,
    pub(super) mutation: Mutation<K, V>,
    /// None if the attempt has it.
    pub(super) ownership: Option<Owner<K, V>>,
}

/// The error of an outcome that has one.
pub(super) fn error(outcome: Outcome) -> StoreError {
    let error = outcome.expect_err("an attempt that goes on has not succeeded");
    error.into_inner()
}

enum State<K: Hash + Eq, V> {
    Running(Owner<K, V>),
    Ended(Owner<K, V>, Result<Outcome, Box<dyn Any + Send>>),
    /// None where the key was handed on.
    Stray(Option<Owner<K, V>>),
    Taken,
}

struct Attempt<K: Hash + Eq, V> {
    state: Mutex<State<K, V>>,
    ended: Event,
}

/// Waits for the key; false if it has a stray attempt, or gets one meanwhile.
pub(super) async fn granted<K, V>(shared: &Shared<K, V>, key: &K, ownership: &Owner<K, V>) -> bool
where
    K: Hash + Eq + Clone + 'static,
    V: 'static,
{
    let through = &shared.through;
    if through.timeout.is_none() || shared.store.is_stamp_conditional() {
        ownership.granted().await;
        return true;
    }
    loop {
        let strayed = through.strayed.listen();
        if through.strays(key) {
            return false;
        }
        if super::close::before_time(ownership.granted(), strayed)
            .await
            .is_some()
        {
            return true;
        }
    }
}

/// Applies a mutation of a key that the caller has.
pub(super) async fn apply<K, V>(
    shared: &Arc<Shared<K, V>>,
    ownership: Owner<K, V>,
    mutation: Mutation<K, V>,
) -> Ended<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(timeout) = shared.through.timeout else {
        return Ended {
            outcome: retried(shared, &mutation, u64::MAX, || false).await,
            mutation,
            ownership: Some(ownership),
        };
    };
    let until = shared.timer.now().saturating_add(milliseconds(timeout));
    let attempt = Arc::new(Attempt {
        state: Mutex::new(State::Running(ownership)),
        ended: Event::new(),
    });
    let ended = attempt.ended.listen();
    let (own, its) = (Arc::clone(shared), Arc::clone(&attempt));
    let call = run(own, its, mutation.clone(), until);
    shared.pool.spawn(Box::pin(call));
    super::close::before_time(ended, shared.timer.sleep_until(until)).await;
    let mut state = attempt.state.lock();
    let (ownership, outcome) = match std::mem::replace(&mut *state, State::Taken) {
        State::Ended(ownership, Ok(outcome)) => (Some(ownership), outcome),
        State::Ended(ownership, Err(payload)) => {
            drop(state);
            // Dropped on the way: that hides the key.
            let _ownership = ownership;
            resume_unwind(payload)
        }
        State::Running(ownership) => {
            shared.through.add(mutation.key());
            let handed_on = shared.store.is_stamp_conditional();
            let (kept, freed) = if handed_on {
                (None, Some(ownership))
            } else {
                (Some(ownership), None)
            };
            *state = State::Stray(kept);
            drop(state);
            stray(shared, mutation.key(), freed);
            (
                None,
                Err(ApplyError::Unknown(StoreError::new(TimedOut(timeout)))),
            )
        }
        State::Stray(_) | State::Taken => unreachable!("one caller concludes, and once"),
    };
    Ended {
        outcome,
        mutation,
        ownership,
    }
}

/// The time of an attempt is up: no tier holds the key any more, and who waits for it is told.
fn stray<K, V>(shared: &Shared<K, V>, key: &K, freed: Option<Owner<K, V>>)
where
    K: Hash + Eq,
    V: Clone,
{
    let core = shared.memory.core();
    core.remove(core.hash(key), key);
    if let Some(ownership) = freed {
        ownership.hide();
    }
    shared.through.strayed.notify(usize::MAX);
}

/// Brings an attempt to its end, however long that takes; its time is up at `until`.
async fn run<K, V>(
    shared: Arc<Shared<K, V>>,
    attempt: Arc<Attempt<K, V>>,
    mutation: Mutation<K, V>,
    until: u64,
) where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    // It is inside whatever becomes of its caller, so a close waits for it.
    let _pass = Pass::again(&shared);
    let key = mutation.key().clone();
    let call: Detached<Outcome> = {
        let (shared, attempt) = (Arc::clone(&shared), Arc::clone(&attempt));
        Box::pin(async move {
            let is_stray = || matches!(*attempt.state.lock(), State::Stray(_));
            retried(&shared, &mutation, until, is_stray).await
        })
    };
    let outcome = CatchUnwind { call }.await;
    let mut state = attempt.state.lock();
    match std::mem::replace(&mut *state, State::Taken) {
        State::Running(ownership) => {
            *state = State::Ended(ownership, outcome);
            drop(state);
            attempt.ended.notify(usize::MAX);
        }
        State::Stray(ownership) => {
            drop(state);
            // Loads that land before this keep nothing, those that land after it are detached.
            shared.through.remove(&key);
            match ownership {
                Some(ownership) => ownership.hide(),
                None => {
                    let core = shared.memory.core();
                    core.remove(core.hash(&key), &key);
                }
            }
        }
        State::Ended(..) | State::Taken => unreachable!("an attempt ends once"),
    }
}

/// Gives a mutation to the store, and again after pauses if it is refused, unless the next time
/// would be at `until` or later.
async fn retried<K, V>(
    shared: &Shared<K, V>,
    mutation: &Mutation<K, V>,
    until: u64,
    gives_up: impl Fn() -> bool,
) -> Outcome
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    let through = &shared.through;
    let mut failed = 0;
    loop {
        let apply = shared.store.apply(std::slice::from_ref(mutation));
        let outcome = shared.observer.asking("apply", 1, apply).await;
        failed += 1;
        let refused = matches!(outcome, Err(ApplyError::Refused(_)));
        if !refused || failed >= through.retry.attempts() || gives_up() {
            return outcome;
        }
        let draw = through.draws.fetch_add(1, Ordering::Relaxed);
        let pause = through.retry.pause(failed, draw);
        let again = shared.timer.now().saturating_add(pause);
        if again >= until {
            return outcome;
        }
        shared.timer.sleep_until(again).await;
        // The caller may have been told by now that nobody knows.
        if gives_up() {
            return outcome;
        }
        shared.counters.retries.add();
    }
}
