//! Waiting: until all is at rest, and until a call has its answer.

use super::guarantee::{Holds, Violation};
use super::run::{Machine, ms};
use super::step::KEYS;
use cache_tiered::Operation;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

/// Looks after which what is at work is taken never to come to rest.
const FOREVER: u32 = 50_000_000;
/// Moves of the clock after which a call that nothing holds up is taken to wait for ever.
pub(super) const MOVES: u32 = 10_000;
/// How far the clock moves for a call that waits for it, in milliseconds.
const LEAP: u64 = 10;

/// What becomes of a call of the store that is held while something is driven to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It stays so, and what waits for it is left; what waits for the time is driven on.
    Leaves,
    /// As it leaves, and what waits for the time is left too.
    Waits,
    /// It stays so, and time passes.
    Stays,
    Released,
}

impl Machine {
    /// Waits until nothing moves by itself: all that is at work is held in the store. How much
    /// work there was so far; as long as that stays the same, all is as it is now.
    pub(super) fn rest(&self) -> Result<u64, Violation> {
        for _ in 0..FOREVER {
            // First what is held: only the machine lets it go, so it can not be less by then.
            let held = self.store.hung();
            let (working, begun) = self.clock.at_work();
            if working == held {
                return Ok(begun);
            }
            thread::yield_now();
        }
        Err(self.stuck("the cache does not come to rest"))
    }

    pub(super) fn stuck(&self, what: &str) -> Violation {
        let cache = self.cache.as_ref();
        let explained = cache.map(|cache| {
            let keys = (0..KEYS).map(|key| cache.explain(&key));
            (keys.collect::<Vec<_>>(), cache.stats().behind)
        });
        let (at_work, held) = (self.clock.at_work(), self.store.hung());
        Violation {
            guarantee: self.settings.mode.guarantee(),
            what: format!("{what}: {at_work:?} at work, {held} held; {explained:?}"),
        }
    }

    /// Looks until there is an answer, each time when all is at rest; then the clock moves on. None
    /// where the call is left, as `held` says.
    pub(super) fn drive<T>(
        &self,
        held: Held,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Violation> {
        for _ in 0..MOVES {
            // The first look begins the call.
            if let Some(answer) = look() {
                return Ok(Some(answer));
            }
            self.rest()?;
            if let Some(answer) = look() {
                return Ok(Some(answer));
            }
            let hung = self.store.hung() > 0;
            match held {
                Held::Waits => return Ok(None),
                Held::Leaves if hung => return Ok(None),
                Held::Released if hung => self.store.release(),
                Held::Leaves | Held::Stays | Held::Released => self.clock.advance(ms(LEAP)),
            }
            self.rest()?;
        }
        Err(self.stuck("a call waits for ever"))
    }

    pub(super) fn look_at_running(&mut self) -> Holds {
        let mut index = 0;
        while index < self.running.len() {
            match self.running[index].call.poll() {
                None => index += 1,
                Some(ended) => {
                    let running = self.running.remove(index);
                    self.ended(&running, ended)?;
                }
            }
        }
        Ok(())
    }

    /// Drives all writes that were left running to their ends.
    pub(super) fn finish_running(&mut self) -> Holds {
        while !self.running.is_empty() {
            let mut first = self.running.remove(0);
            let ended = self.drive(Held::Released, || first.call.poll())?;
            self.ended(&first, ended.expect("it is driven to its end"))?;
        }
        Ok(())
    }
}

pub(super) fn poll<T: Send + 'static>(operation: &mut Operation<T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(operation).poll(&mut context) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
