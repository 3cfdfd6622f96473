//! The waiters in their order: nodes in one array, linked both ways, so that any of them may leave at once.
//!
//! Nothing here runs foreign code: wakers come and go as values, and who gets one back wakes or drops it outside of the
//! lock.

use core::mem;
use core::task::Waker;

/// No node.
const NONE: usize = usize::MAX;

/// Nodes that the first array has room for.
const FIRST_CAPACITY: usize = 16;

/// First in, first out; a waiter may leave from anywhere.
pub(super) struct Line<G> {
    /// No waiter may come any more.
    closed: bool,
    nodes: Vec<Node<G>>,
    /// Those in line, by `after` from the first and by `before` from the last. Others belong to their waiter alone.
    first: usize,
    last: usize,
    /// Those of no waiter, by `after`.
    vacant: usize,
}

struct Node<G> {
    state: State<G>,
    before: usize,
    after: usize,
}

/// What has become of a waiter.
pub(super) enum State<G> {
    /// The node is nobody's.
    Vacant,
    /// In line for a block of so many bytes.
    Waiting { bytes: usize, waker: Waker },
    /// Out of line, with what it waited for.
    Granted(G),
    /// Out of line, with nothing: the line was closed.
    Closed,
}

/// An array that outgrew its place, or that is to take one. Freed outside of the lock.
pub(super) struct Spare<G>(Vec<Node<G>>);

impl<G> Spare<G> {
    /// Without memory.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn with_capacity(nodes: usize) -> Self {
        Self(Vec::with_capacity(nodes))
    }
}

impl<G> Line<G> {
    pub(super) fn new() -> Self {
        Self {
            closed: false,
            nodes: Vec::new(),
            first: NONE,
            last: NONE,
            vacant: NONE,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Makes room for one more, by moving to `spare` if need be; or says what capacity that must have.
    pub(super) fn make_room(&mut self, spare: &mut Spare<G>) -> Result<(), usize> {
        let len = self.nodes.len();
        if self.vacant != NONE || len < self.nodes.capacity() {
            return Ok(());
        }
        if spare.0.capacity() <= len {
            return Err((2 * len).max(FIRST_CAPACITY));
        }
        spare.0.append(&mut self.nodes);
        mem::swap(&mut spare.0, &mut self.nodes);
        Ok(())
    }

    /// Appends a waiter, for which there is room; returns its node.
    pub(super) fn push(&mut self, bytes: usize, waker: Waker) -> usize {
        let node = Node {
            state: State::Waiting { bytes, waker },
            before: self.last,
            after: NONE,
        };
        let at = if self.vacant != NONE {
            let at = self.vacant;
            self.vacant = self.nodes[at].after;
            self.nodes[at] = node;
            at
        } else {
            debug_assert!(self.nodes.len() < self.nodes.capacity());
            self.nodes.push(node);
            self.nodes.len() - 1
        };
        match self.last {
            NONE => self.first = at,
            last => self.nodes[last].after = at,
        }
        self.last = at;
        at
    }

    /// What the first in line waits for, in bytes.
    pub(super) fn first(&self) -> Option<usize> {
        match &self.nodes.get(self.first)?.state {
            State::Waiting { bytes, .. } => Some(*bytes),
            _ => unreachable!("who is in line waits"),
        }
    }

    /// Takes the first out of line and leaves it `state`; returns how to wake it.
    pub(super) fn settle_first(&mut self, state: State<G>) -> Option<Waker> {
        self.settle(self.first, state)
    }

    /// The same of the last. Only for the mutant that is unfair.
    #[cfg(buffer_pool_loom)]
    pub(super) fn settle_last(&mut self, state: State<G>) -> Option<Waker> {
        self.settle(self.last, state)
    }

    fn settle(&mut self, at: usize, state: State<G>) -> Option<Waker> {
        if at == NONE {
            return None;
        }
        self.unlink(at);
        match mem::replace(&mut self.nodes[at].state, state) {
            State::Waiting { waker, .. } => Some(waker),
            _ => unreachable!("who is in line waits"),
        }
    }

    /// The state of a waiter's node.
    pub(super) fn state(&mut self, at: usize) -> &mut State<G> {
        &mut self.nodes[at].state
    }

    /// Takes a waiter's node back; returns its last state, and whether it was the first in line.
    pub(super) fn remove(&mut self, at: usize) -> (State<G>, bool) {
        let state = mem::replace(&mut self.nodes[at].state, State::Vacant);
        debug_assert!(!matches!(state, State::Vacant), "the node is a waiter's");
        let was_first = at == self.first;
        if matches!(state, State::Waiting { .. }) {
            self.unlink(at);
        }
        self.nodes[at].after = self.vacant;
        self.vacant = at;
        (state, was_first)
    }

    fn unlink(&mut self, at: usize) {
        let (before, after) = (self.nodes[at].before, self.nodes[at].after);
        match before {
            NONE => self.first = after,
            before => self.nodes[before].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.nodes[after].before = before,
        }
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn enter(line: &mut Line<u32>, bytes: usize) -> usize {
        let mut spare = Spare::none();
        while let Err(capacity) = line.make_room(&mut spare) {
            spare = Spare::with_capacity(capacity);
        }
        line.push(bytes, Waker::noop().clone())
    }

    /// xorshift64*
    fn random(state: &mut u64, bound: usize) -> usize {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    /// Waiters come, are served, and leave from anywhere, as in a plain queue.
    #[test]
    fn agrees_with_a_plain_queue() {
        let mut line = Line::new();
        let mut queue: VecDeque<(usize, usize)> = VecDeque::new();
        let mut granted: Vec<(usize, u32)> = Vec::new();
        let mut seed = 7;
        for turn in 0..20_000_u32 {
            match random(&mut seed, 8) {
                0..=2 => {
                    let bytes = random(&mut seed, 100);
                    queue.push_back((enter(&mut line, bytes), bytes));
                }
                3 | 4 => {
                    let first = queue.pop_front();
                    assert_eq!(
                        line.settle_first(State::Granted(turn)).is_some(),
                        first.is_some()
                    );
                    granted.extend(first.map(|(at, _)| (at, turn)));
                }
                5 if !queue.is_empty() => {
                    let place = random(&mut seed, queue.len());
                    let (at, bytes) = queue.remove(place).expect("in range");
                    let (state, was_first) = line.remove(at);
                    assert!(
                        matches!(state, State::Waiting { bytes: wanted, .. } if wanted == bytes)
                    );
                    assert_eq!(was_first, place == 0);
                }
                6 if !granted.is_empty() => {
                    let place = random(&mut seed, granted.len());
                    let (at, turn) = granted.swap_remove(place);
                    let (state, was_first) = line.remove(at);
                    assert!(matches!(state, State::Granted(at_turn) if at_turn == turn));
                    assert!(!was_first);
                }
                _ => {}
            }
            assert_eq!(line.first(), queue.front().map(|&(_, bytes)| bytes));
        }
        let nodes = line.nodes.len();
        assert!(nodes < 20_000 / 4, "nodes are used again: {nodes}");
    }
}
