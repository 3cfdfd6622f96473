//! The gate that mutations pass: `close` shuts it and waits until it is empty.

use event_listener::Event;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub(super) struct Gate {
    /// A copy of `state.closed` for readers that only look: Relaxed, because a read that runs
    /// beside `close` may be answered either way.
    closed: AtomicBool,
    state: Mutex<State>,
    empty: Event,
}

#[derive(Default)]
struct State {
    closed: bool,
    inside: usize,
}

impl Gate {
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Counts a mutation in; false once the gate is shut.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.state.lock();
        state.inside += usize::from(!state.closed);
        !state.closed
    }

    fn leave(&self) {
        let mut state = self.state.lock();
        state.inside -= 1;
        if state.inside == 0 {
            drop(state);
            self.empty.notify(usize::MAX);
        }
    }

    /// Shuts the gate; false if it was shut before.
    pub(super) fn shut(&self) -> bool {
        let mut state = self.state.lock();
        self.closed.store(true, Ordering::Relaxed);
        !std::mem::replace(&mut state.closed, true)
    }

    /// Waits until everybody inside has left.
    pub(super) async fn emptied(&self) {
        while !self.is_empty() {
            let listener = self.empty.listen();
            // Looked at again after the registration, so that the last to leave is not missed.
            if !self.is_empty() {
                listener.await;
            }
        }
    }

    /// How many are inside.
    pub(super) fn inside(&self) -> usize {
        self.state.lock().inside
    }

    fn is_empty(&self) -> bool {
        self.inside() == 0
    }
}

/// One mutation inside the gate; it leaves when this is dropped.
pub(super) struct Pass<K, V> {
    shared: Arc<super::Shared<K, V>>,
}

impl<K, V> Pass<K, V> {
    pub(super) fn enter(shared: &Arc<super::Shared<K, V>>) -> Option<Self> {
        shared.gate.enter().then(|| Self {
            shared: Arc::clone(shared),
        })
    }

    /// Another one for somebody who is inside, also when the gate is shut.
    pub(super) fn again(shared: &Arc<super::Shared<K, V>>) -> Self {
        shared.gate.state.lock().inside += 1;
        Self {
            shared: Arc::clone(shared),
        }
    }
}

impl<K, V> Drop for Pass<K, V> {
    fn drop(&mut self) {
        self.shared.gate.leave();
    }
}
