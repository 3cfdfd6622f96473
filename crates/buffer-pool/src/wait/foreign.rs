//! Calls of foreign wakers, which may panic: the work goes on, and the first panic is passed on at its end.

use core::any::Any;
use core::task::Waker;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::panicking;

/// The first panic of several calls.
#[must_use = "a panic is to be raised"]
pub(super) struct Panics(Option<Box<dyn Any + Send>>);

impl Panics {
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn wake(&mut self, waker: Waker) {
        self.catch(|| waker.wake());
    }

    pub(super) fn drop(&mut self, waker: Option<Waker>) {
        self.catch(|| drop(waker));
    }

    pub(super) fn catch(&mut self, call: impl FnOnce()) {
        // What a waker leaves in disorder is its own; ours is not touched meanwhile.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            match &self.0 {
                None => self.0 = Some(panic),
                Some(_) => discard(panic),
            }
        }
    }

    /// Goes on with the panic, if there was one. While the thread unwinds already, a second panic would abort the
    /// process: it is left at its message.
    pub(super) fn raise(self) {
        match self.0 {
            Some(panic) if panicking() => discard(panic),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }
}

/// Drops a panic whose message was printed. That may panic in its turn: such a one is forgotten.
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        core::mem::forget(panic);
    }
}
