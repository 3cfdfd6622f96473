//! An agenda: which of a bounded number of places is due first.

use alloc::vec::Vec;

/// The position of a place that is not in the heap.
const ABSENT: u32 = u32::MAX;

/// A binary heap of places by tick that knows where each lies, so that any can be moved or taken out. Each call is
/// O(log n); 20 bytes a place.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    /// Tick and place; the earliest first, of equal ones the lower place.
    heap: Vec<(u64, u32)>,
    /// By place: where it lies in the heap, or `ABSENT`.
    positions: Vec<u32>,
}

impl Agenda {
    /// An empty agenda for the places below `places`.
    pub(super) fn new(places: usize) -> Self {
        Self {
            heap: Vec::new(),
            positions: alloc::vec![ABSENT; places],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The tick and place that is due first.
    pub(super) fn first(&self) -> Option<(u64, usize)> {
        self.heap
            .first()
            .map(|&(tick, place)| (tick, place as usize))
    }

    /// Makes `place` due at `tick`, instead of when it was due before.
    pub(super) fn schedule(&mut self, place: usize, tick: u64) {
        let mut position = self.positions[place] as usize;
        if position == ABSENT as usize {
            position = self.heap.len();
            self.heap.push((tick, place as u32));
        } else {
            self.heap[position].0 = tick;
        }
        let position = self.rise(position);
        self.sink(position);
    }

    /// Takes `place` out, if it is in.
    pub(super) fn cancel(&mut self, place: usize) {
        let position = self.positions[place] as usize;
        if position == ABSENT as usize {
            return;
        }
        self.positions[place] = ABSENT;
        self.heap.swap_remove(position);
        if position < self.heap.len() {
            let position = self.rise(position);
            self.sink(position);
        }
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
        self.positions.fill(ABSENT);
    }

    /// Moves an item towards the front as far as it has to go; where it is then.
    fn rise(&mut self, mut position: usize) -> usize {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent] <= self.heap[position] {
                break;
            }
            self.heap.swap(parent, position);
            self.note(position);
            position = parent;
        }
        self.note(position);
        position
    }

    /// Moves an item away from the front as far as it has to go.
    fn sink(&mut self, mut position: usize) {
        loop {
            let children = [2 * position + 1, 2 * position + 2];
            let earlier = children
                .into_iter()
                .filter(|&child| child < self.heap.len())
                .min_by_key(|&child| self.heap[child]);
            match earlier {
                Some(child) if self.heap[child] < self.heap[position] => {
                    self.heap.swap(child, position);
                    self.note(position);
                    position = child;
                }
                _ => break,
            }
        }
        self.note(position);
    }

    fn note(&mut self, position: usize) {
        self.positions[self.heap[position].1 as usize] = position as u32;
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::Agenda;

    #[test]
    fn an_agenda_equals_a_sorted_set() {
        let mut agenda = Agenda::new(50);
        let mut model = BTreeSet::new();
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let place = (state >> 33) as usize % 50;
            let tick = state >> 50;
            let position = agenda.positions[place] as usize;
            let old = agenda.heap.get(position).map(|&(tick, _)| tick);
            assert_eq!(
                old.is_some(),
                model.iter().any(|&(_, other)| other == place)
            );
            if let Some(old) = old {
                assert!(model.remove(&(old, place)));
            }
            if tick.is_multiple_of(3) {
                agenda.cancel(place);
            } else {
                agenda.schedule(place, tick);
                model.insert((tick, place));
            }
            assert_eq!(agenda.first(), model.first().copied());
            assert_eq!(agenda.len(), model.len());
        }
        while let Some((tick, place)) = agenda.first() {
            assert_eq!(model.pop_first(), Some((tick, place)));
            agenda.cancel(place);
        }
        assert!(model.is_empty());
    }
}
