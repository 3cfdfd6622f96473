//! Exact stack distances in O(log n) a request (Mattson et al. 1970; Bennett and Kruskal 1975).
//!
//! Each object's latest request holds a slot; later requests hold later slots. The distance of a request is the number of
//! slots held behind the object's old one. Slots are bits of a bitmap, and a Fenwick tree over its words counts them. When the
//! slots run out, those still held are moved together, so that there are never more than a few times as many slots as objects.

/// A trace asks for more distinct objects than can be told apart in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {} distinct objects, which is more than can be summed up: cut the trace",
    StackDistances::OBJECTS_MAX
)]
pub struct TooManyObjects;

/// The slots, and which are held.
///
/// ```
/// use strata_cli::trace::summary::StackDistances;
///
/// // a b c b a: 1 other object lies between the two requests of b, and 2 between those of a.
/// let mut stack = StackDistances::new();
/// let (a, b, _) = (stack.push(), stack.push(), stack.push());
/// assert_eq!(stack.touch(b).0, 1);
/// assert_eq!(stack.touch(a).0, 2);
/// ```
#[derive(Clone, Debug)]
pub struct StackDistances {
    /// A bit for each slot.
    words: Vec<u64>,
    /// The Fenwick tree: `sums[i]` counts the slots held in the words `i & (i + 1) ..= i`.
    sums: Vec<u32>,
    /// The first slot that was never held.
    next: u32,
    /// The slots held: the objects.
    held: u32,
    objects_max: u32,
}

const WORD_BITS: u32 = u64::BITS;

/// The slots at the beginning.
const SLOTS_MIN: u32 = 1 << 12;

impl StackDistances {
    /// The most objects: as many slots again must fit 32 bits.
    pub const OBJECTS_MAX: u32 = 1 << 30;

    /// No object.
    #[must_use]
    pub fn new() -> Self {
        let mut stack = Self {
            words: Vec::new(),
            sums: Vec::new(),
            next: 0,
            held: 0,
            objects_max: Self::OBJECTS_MAX,
        };
        stack.reset(SLOTS_MIN);
        stack
    }

    /// Whether the slots have run out: [`compact`](Self::compact) comes before the next request then.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.next as usize == self.words.len() * WORD_BITS as usize
    }

    /// As if there were no more than these objects to be told apart.
    #[cfg(test)]
    pub(crate) fn with_objects_max(mut self, objects_max: u32) -> Self {
        self.objects_max = objects_max;
        self
    }

    /// Whether no further object can be told apart: [`touch`](Self::touch) may go on, [`push`](Self::push) may not.
    #[must_use]
    #[inline]
    pub fn is_at_limit(&self) -> bool {
        self.held >= self.objects_max
    }

    /// The slot of an object's first request.
    ///
    /// # Panics
    ///
    /// If there is no slot left, or there are [`OBJECTS_MAX`](Self::OBJECTS_MAX) objects already.
    pub fn push(&mut self) -> u32 {
        assert!(!self.is_at_limit(), "32 bits number the slots");
        self.append()
    }

    fn append(&mut self) -> u32 {
        assert!(!self.is_full(), "compacted when full");
        let slot = self.next;
        self.next += 1;
        self.held += 1;
        self.set(slot, true);
        slot
    }

    /// The distance of a request for the object whose latest request holds `slot`, and its slot from now on.
    ///
    /// # Panics
    ///
    /// If there is no slot left, or in debug builds if `slot` is not held.
    pub fn touch(&mut self, slot: u32) -> (u32, u32) {
        let distance = self.held - self.rank(slot) - 1;
        if distance == 0 {
            // It is the latest of all, and stays it.
            return (0, slot);
        }
        self.set(slot, false);
        self.held -= 1;
        (distance, self.append())
    }

    /// The slots held before `slot`.
    fn rank(&self, slot: u32) -> u32 {
        let word = (slot / WORD_BITS) as usize;
        debug_assert!(
            self.words[word] >> (slot % WORD_BITS) & 1 == 1,
            "the slot is held"
        );
        let before = self.words[word] & ((1 << (slot % WORD_BITS)) - 1);
        let mut sum = before.count_ones();
        let mut end = word;
        while end > 0 {
            sum += self.sums[end - 1];
            end &= end - 1;
        }
        sum
    }

    fn set(&mut self, slot: u32, held: bool) {
        let mut word = (slot / WORD_BITS) as usize;
        self.words[word] ^= 1 << (slot % WORD_BITS);
        let by = if held { 1 } else { u32::MAX };
        while word < self.sums.len() {
            self.sums[word] = self.sums[word].wrapping_add(by);
            word |= word + 1;
        }
    }

    /// Moves the held slots together, in their order, and makes room for as many again. Every object's slot, each once in
    /// whatever order, is renamed.
    pub fn compact<'a>(&mut self, slots: impl IntoIterator<Item = &'a mut u32>) {
        for slot in slots {
            *slot = self.rank(*slot);
        }
        let held = self.held;
        self.reset((2 * held).next_power_of_two().max(SLOTS_MIN));
        for slot in 0..held {
            self.words[(slot / WORD_BITS) as usize] |= 1 << (slot % WORD_BITS);
        }
        (self.next, self.held) = (held, held);
        // Each node hands its sum on to its parent, once it is complete.
        for index in 0..self.sums.len() {
            self.sums[index] += self.words[index].count_ones();
            if let Some(sum) = self.sums.get(index).copied()
                && let Some(parent) = self.sums.get_mut(index | (index + 1))
            {
                *parent += sum;
            }
        }
    }

    fn reset(&mut self, slots: u32) {
        let words = (slots / WORD_BITS) as usize;
        self.words.clear();
        self.words.resize(words, 0);
        self.sums.clear();
        self.sums.resize(words, 0);
        (self.next, self.held) = (0, 0);
    }
}

impl Default for StackDistances {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The distance of each request, `None` for first ones, by a list with the latest object last.
    fn by_list(keys: &[u16]) -> Vec<Option<u32>> {
        let mut list = Vec::new();
        keys.iter()
            .map(|key| {
                let found = list.iter().position(|held| held == key);
                let distance = found.map(|index| {
                    list.remove(index);
                    (list.len() - index) as u32
                });
                list.push(*key);
                distance
            })
            .collect()
    }

    fn by_slots(keys: &[u16]) -> Vec<Option<u32>> {
        let mut stack = StackDistances::new();
        let mut slots: HashMap<u16, u32> = HashMap::new();
        keys.iter()
            .map(|&key| {
                if stack.is_full() {
                    stack.compact(slots.values_mut());
                }
                if let Some(slot) = slots.get_mut(&key) {
                    let (distance, moved) = stack.touch(*slot);
                    *slot = moved;
                    return Some(distance);
                }
                slots.insert(key, stack.push());
                None
            })
            .collect()
    }

    proptest! {
        #[test]
        fn distances_are_those_of_a_list(keys in prop::collection::vec(0_u16..300, 0..9000)) {
            prop_assert_eq!(by_slots(&keys), by_list(&keys));
        }
    }

    #[test]
    fn slots_grow_with_the_objects() {
        // More objects than the first slots number, then all of them again, far apart and close together.
        let mut keys: Vec<u16> = (0..6000).collect();
        keys.extend(0..6000);
        keys.extend((0..6000).rev());
        let distances = by_slots(&keys);
        assert!(distances[..6000].iter().all(Option::is_none));
        assert!(
            distances[6000..12_000]
                .iter()
                .all(|distance| *distance == Some(5999))
        );
        let expected = (0..6000).map(Some);
        assert!(distances[12_000..].iter().copied().eq(expected));
    }
}
