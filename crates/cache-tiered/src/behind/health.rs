//! How the store is: whether it takes anything, and when to try again if not.

use crate::error::StoreError;
use crate::retry::Retry;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the attempts so far say of the store.
pub(super) struct Health {
    retry: Retry,
    /// Attempts that succeeded. Relaxed: compared with itself only.
    successes: AtomicU64,
    /// Tells the pauses of different attempts apart. Relaxed.
    draws: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last success that is known here.
    successes: u64,
    /// Changes that failed by themselves since then.
    failures: u64,
    /// The key of the last of them.
    last: Option<u64>,
    error: Option<StoreError>,
    down: Option<Down>,
}

struct Down {
    until: u64,
    rounds: u32,
    probing: bool,
}

/// What may fly now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Anything.
    All,
    /// One change, to find out.
    Probe,
    /// Nothing until then, or until a probe that flies has ended.
    Wait(Option<u64>),
}

impl Health {
    pub(super) fn new(retry: Retry) -> Self {
        Self {
            retry,
            successes: AtomicU64::new(0),
            draws: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) const fn retry(&self) -> &Retry {
        &self.retry
    }

    pub(super) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// The pause after so many failures.
    pub(super) fn pause(&self, failures: u32) -> u64 {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        self.retry.pause(failures, draw)
    }

    /// Changes that failed by themselves since the store took one; the last error.
    pub(super) fn fruitless(&self) -> (u64, Option<StoreError>) {
        let state = self.state.lock();
        if state.successes == self.successes() {
            (state.failures, state.error.clone())
        } else {
            (0, None)
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.state.lock().down.is_some()
    }

    pub(super) fn leave(&self, now: u64) -> Leave {
        let mut state = self.state.lock();
        match &mut state.down {
            None => Leave::All,
            Some(down) if down.probing => Leave::Wait(None),
            Some(down) if now < down.until => Leave::Wait(Some(down.until)),
            Some(down) => {
                down.probing = true;
                Leave::Probe
            }
        }
    }

    /// There was nothing to probe with.
    pub(super) fn unprobed(&self) {
        if let Some(down) = &mut self.state.lock().down {
            down.probing = false;
        }
    }

    /// Lets the next probe go now.
    pub(super) fn probe_now(&self) {
        if let Some(down) = &mut self.state.lock().down {
            down.until = 0;
        }
    }

    pub(super) fn succeeded(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock();
        *state = State {
            successes: self.successes(),
            ..State::default()
        };
    }

    /// A change failed by itself. True if the store is taken to be down.
    pub(super) fn failed(&self, now: u64, hash: u64, error: StoreError) -> bool {
        let mut state = self.state.lock();
        let another = state.last.is_some_and(|last| last != hash);
        state.failures += 1;
        state.last = Some(hash);
        state.error = Some(error);
        let rounds = match &state.down {
            Some(down) if down.probing => down.rounds.saturating_add(1),
            // One of another lane, that began before.
            Some(_) => return true,
            None if another => 1,
            None => return false,
        };
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        state.down = Some(Down {
            until: now.saturating_add(self.retry.pause(rounds, draw)),
            rounds,
            probing: false,
        });
        true
    }
}
