//! The segment of each slot: two bits.

use alloc::vec::Vec;

use crate::ledger::grow;
use crate::segments::Labels;
use crate::slot::Slot;

/// Slots of a byte.
const SLOTS: u32 = 4;

/// Segments 0 to 3, four slots a byte.
#[derive(Clone, Debug, Default)]
pub(super) struct PackedLabels {
    bytes: Vec<u8>,
}

/// The byte of a slot, and how far to shift it.
#[inline(always)]
fn place(slot: Slot) -> (usize, u32) {
    let byte = slot.get() / SLOTS;
    (byte as usize, slot.get() % SLOTS * 2)
}

impl Labels for PackedLabels {
    #[inline(always)]
    fn start(&mut self, slot: Slot, segment: u8) {
        let (byte, _) = place(slot);
        if byte >= self.bytes.len() {
            grow(&mut self.bytes, Slot::new(slot.get() / SLOTS), || 0);
        }
        self.set(slot, segment);
    }

    #[inline(always)]
    fn get(&self, slot: Slot) -> u8 {
        let (byte, shift) = place(slot);
        self.bytes[byte] >> shift & 3
    }

    #[inline(always)]
    fn set(&mut self, slot: Slot, segment: u8) {
        let (byte, shift) = place(slot);
        let byte = &mut self.bytes[byte];
        *byte = *byte & !(3 << shift) | segment << shift;
    }
}

#[cfg(test)]
mod tests {
    use super::PackedLabels;
    use crate::segments::Labels;
    use crate::slot::Slot;

    #[test]
    fn four_slots_of_a_byte_are_four() {
        let mut labels = PackedLabels::default();
        for number in (0..50).rev() {
            labels.start(Slot::new(number), (number % 4) as u8);
        }
        labels.set(Slot::new(7), 0);
        labels.set(Slot::new(8), 3);
        let found: std::vec::Vec<u8> = (0..12)
            .map(|number| labels.get(Slot::new(number)))
            .collect();
        assert_eq!(found, [0, 1, 2, 3, 0, 1, 2, 0, 3, 1, 2, 3]);
    }
}
