//! Turns: how often a thread serves within itself. A waker may release, cancel or wait, which serves again; a crowd of
//! waiters whose wakers do that must not end the stack.

use core::cell::Cell;

use crate::sync::local;

/// Turns within each other, from which on a queue that is being served already waits for its outer turn. (Who blocks in
/// a waker is served all the same: `Queue::serve_at_once`.)
const NESTED_MAX: usize = if cfg!(buffer_pool_loom) { 1 } else { 32 };

struct Turns {
    /// How many there are.
    depth: Cell<usize>,
    /// Whose they are, by address, the outermost first.
    queues: [Cell<usize>; NESTED_MAX],
    /// A bit for each that is to go on, as an inner one came to the same queue.
    again: Cell<u32>,
}

local! {
    static TURNS: Turns = const { Turns::new() };
}

/// Ends when it is dropped.
pub(super) struct Turn {
    /// Its place; `NESTED_MAX` without one.
    at: usize,
}

impl Turns {
    const fn new() -> Self {
        Self {
            depth: Cell::new(0),
            queues: [const { Cell::new(0) }; NESTED_MAX],
            again: Cell::new(0),
        }
    }

    fn set_again(&self, at: usize, again: bool) {
        let bit = 1 << at;
        let bits = self.again.get();
        self.again.set(if again { bits | bit } else { bits & !bit });
    }
}

impl Turn {
    /// A turn to serve `queue`, an address; `None` when an outer one goes on instead.
    pub(super) fn begin(queue: usize) -> Option<Self> {
        let begin = |turns: &Turns| {
            let at = turns.depth.get();
            if at < NESTED_MAX {
                turns.depth.set(at + 1);
                turns.queues[at].set(queue);
                turns.set_again(at, false);
                return Some(Self { at });
            }
            let outer = turns.queues.iter().position(|other| other.get() == queue);
            match outer {
                Some(outer) => {
                    turns.set_again(outer, true);
                    None
                }
                None => Some(Self::apart()),
            }
        };
        // An error means that the thread ends, in loom: then there is no other turn.
        let turn = TURNS.try_with(begin);
        turn.unwrap_or(Some(Self::apart()))
    }

    /// A turn that no other knows of.
    pub(super) fn apart() -> Self {
        Self { at: NESTED_MAX }
    }

    /// Whether an inner turn came to the same queue since this was asked last.
    pub(super) fn goes_on(&self) -> bool {
        let asked = |turns: &Turns| {
            let again = turns.again.get() & (1 << self.at) != 0;
            turns.set_again(self.at, false);
            again
        };
        self.at < NESTED_MAX && TURNS.try_with(asked).unwrap_or(false)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.at < NESTED_MAX {
            // An error means that there is nothing to tell any more.
            let _ = TURNS.try_with(|turns| turns.depth.set(self.at));
        }
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_queue_nests_so_far_and_no_further() {
        let turns: Vec<_> = (0..NESTED_MAX).map(|at| Turn::begin(at % 2)).collect();
        assert!(turns.iter().all(Option::is_some));
        assert!(Turn::begin(0).is_none() && Turn::begin(1).is_none());
        let other = Turn::begin(2).expect("nobody serves it yet");
        assert!(!other.goes_on());
        drop(other);
        let goes_on: Vec<_> = turns.iter().flatten().map(Turn::goes_on).collect();
        assert!(goes_on[0] && goes_on[1] && !goes_on[2..].contains(&true));
        assert!(!turns.iter().flatten().any(Turn::goes_on), "told once");
        turns.into_iter().rev().for_each(drop);
        assert_eq!(TURNS.with(|turns| turns.depth.get()), 0);
    }
}
