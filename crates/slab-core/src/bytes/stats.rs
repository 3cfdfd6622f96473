//! `ByteStats` and `ClassStats`: how a byte slab's memory is used.

use super::ByteSlab;
use super::class::Class;
use crate::provider::Provider;

/// How the memory of a [`ByteSlab`] is used, as counted when it was asked.
///
/// ```
/// let mut slab = slab_core::ByteSlab::new();
/// slab.alloc(&[7; 48])?;
/// slab.alloc(&[7; 9000])?;
/// let stats = slab.stats();
/// assert_eq!((stats.strings, stats.large), (2, 1));
/// assert_eq!(stats.payload_bytes, 9048);
/// assert!(stats.capacity_bytes >= 9064 && stats.held_bytes > stats.capacity_bytes);
/// assert!(stats.fragmentation() < 1.0);
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ByteStats {
    /// Strings of all classes, and large ones.
    pub strings: usize,
    /// Strings with blocks of their own.
    pub large: usize,
    /// Sum of the strings' lengths.
    pub payload_bytes: usize,
    /// Bytes of all slots, taken or free, and of all blocks.
    pub capacity_bytes: usize,
    /// Bytes held from the provider: capacity, slab headers and directories.
    pub held_bytes: usize,
}

/// How the memory of one size class is used.
///
/// ```
/// let mut slab = slab_core::ByteSlab::new();
/// slab.alloc(&[7; 72])?;
/// let class = slab.class_stats().find(|class| class.slot_bytes == 80).unwrap();
/// assert_eq!((class.occupied, class.payload_bytes), (1, 72));
/// assert_eq!(class.capacity_bytes, class.slots * 80);
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes of a slot.
    pub slot_bytes: usize,
    /// Slots, taken or free.
    pub slots: usize,
    /// Slots that hold a string.
    pub occupied: usize,
    /// Slabs that hold memory.
    pub slabs: usize,
    /// Sum of the strings' lengths.
    pub payload_bytes: usize,
    /// Bytes of all slots.
    pub capacity_bytes: usize,
}

/// The share of `capacity` that is not `payload`; 0 without capacity.
fn unused_share(payload: usize, capacity: usize) -> f64 {
    if capacity == 0 {
        return 0.0;
    }
    1.0 - payload as f64 / capacity as f64
}

impl ByteStats {
    /// The share of the capacity that holds no string, from 0 to 1: rests of slots and free slots.
    pub fn fragmentation(&self) -> f64 {
        unused_share(self.payload_bytes, self.capacity_bytes)
    }
}

impl ClassStats {
    /// The share of the capacity that holds no string, from 0 to 1: rests of slots and free slots.
    pub fn fragmentation(&self) -> f64 {
        unused_share(self.payload_bytes, self.capacity_bytes)
    }
}

impl<P: Provider> ByteSlab<P> {
    /// How each size class uses its memory, smallest first. Large strings are in no class. O(1) each.
    pub fn class_stats(&self) -> impl ExactSizeIterator<Item = ClassStats> {
        self.sizes
            .sizes()
            .iter()
            .zip(&self.classes)
            .map(|(&size, class)| ClassStats {
                slot_bytes: size as usize,
                slots: class.slots(),
                occupied: class.live as usize,
                slabs: class.resident as usize,
                payload_bytes: class.payload_bytes,
                capacity_bytes: class.slots() * size as usize,
            })
    }

    /// How the slab's memory is used in all. O(classes).
    pub fn stats(&self) -> ByteStats {
        let mut stats = ByteStats {
            strings: self.large.table.live_slots() as usize,
            large: self.large.table.live_slots() as usize,
            payload_bytes: self.large.payload_bytes,
            capacity_bytes: self.large.capacity_bytes,
            held_bytes: self.large.capacity_bytes + self.large.table.bytes(),
        };
        for class in self.class_stats() {
            stats.strings += class.occupied;
            stats.payload_bytes += class.payload_bytes;
            stats.capacity_bytes += class.capacity_bytes;
        }
        stats.held_bytes += self.classes.iter().map(Class::held_bytes).sum::<usize>();
        stats
    }
}
