//! One face over the typed slabs, so that all run the same code.

/// What the typed workloads store: 32 bytes.
pub(super) type Value = [u64; 4];

/// The value that the workloads store for a number.
pub(super) fn value(seed: u64) -> Value {
    [seed, seed ^ 1, seed ^ 2, seed ^ 3]
}

/// A slab of [`Value`]s behind keys.
pub(super) trait Table: 'static {
    const NAME: &'static str;
    type Key: Copy + 'static;
    fn new() -> Self;
    fn insert(&mut self, value: Value) -> Self::Key;
    fn remove(&mut self, key: Self::Key) -> Value;
    /// The second word of a live value.
    fn word(&self, key: Self::Key) -> u64;
}

/// A table whose values can be visited.
pub(super) trait Iterate: Table {
    /// The sum of every value's first word.
    fn sum(&mut self) -> u64;
}

/// A table after most of its values have gone.
pub(super) trait Shrink: Table {
    /// Gives back what memory it can. A value's first word is its position in `keys`, which are changed
    /// where they change.
    fn shrink(&mut self, keys: &mut [Self::Key]);
}

pub(super) type StrataArena = slab_core::Arena<Value>;
pub(super) type Slab = slab::Slab<Value>;
pub(super) type SlotMap = slotmap::SlotMap<slotmap::DefaultKey, Value>;
pub(super) type DenseSlotMap = slotmap::DenseSlotMap<slotmap::DefaultKey, Value>;
pub(super) type Thunderdome = thunderdome::Arena<Value>;
pub(super) type GenerationalArena = generational_arena::Arena<Value>;
pub(super) type ShardedSlab = sharded_slab::Slab<Value>;
pub(super) type Oximedia = oximedia_cache::slab_allocator::SlabAllocator<Value>;

/// Tables with the methods that most of the crates have: `remove` gives an option, `iter` pairs.
macro_rules! tables {
    ($($table:ty, $name:literal, $key:ty;)+) => {$(
        impl Table for $table {
            const NAME: &'static str = $name;
            type Key = $key;

            fn new() -> Self {
                <$table>::new()
            }
            fn insert(&mut self, value: Value) -> Self::Key {
                <$table>::insert(self, value)
            }
            fn remove(&mut self, key: Self::Key) -> Value {
                <$table>::remove(self, key).expect("a live key")
            }
            fn word(&self, key: Self::Key) -> u64 {
                self.get(key).expect("a live key")[1]
            }
        }

        impl Iterate for $table {
            fn sum(&mut self) -> u64 {
                self.iter().fold(0, |sum, (_, value)| sum.wrapping_add(value[0]))
            }
        }
    )+};
}

tables! {
    StrataArena, "strata-arena", slab_core::Handle<Value>;
    SlotMap, "slotmap", slotmap::DefaultKey;
    DenseSlotMap, "slotmap-dense", slotmap::DefaultKey;
    Thunderdome, "thunderdome", thunderdome::Index;
    GenerationalArena, "generational-arena", generational_arena::Index;
}

impl Table for Slab {
    const NAME: &'static str = "slab";
    type Key = usize;

    fn new() -> Self {
        slab::Slab::new()
    }
    fn insert(&mut self, value: Value) -> usize {
        slab::Slab::insert(self, value)
    }
    fn remove(&mut self, key: usize) -> Value {
        slab::Slab::remove(self, key)
    }
    fn word(&self, key: usize) -> u64 {
        self.get(key).expect("a live key")[1]
    }
}

impl Iterate for Slab {
    fn sum(&mut self) -> u64 {
        self.iter()
            .fold(0, |sum, (_, value)| sum.wrapping_add(value[0]))
    }
}

impl Table for ShardedSlab {
    const NAME: &'static str = "sharded-slab";
    type Key = usize;

    fn new() -> Self {
        sharded_slab::Slab::new()
    }
    fn insert(&mut self, value: Value) -> usize {
        sharded_slab::Slab::insert(self, value).expect("room")
    }
    fn remove(&mut self, key: usize) -> Value {
        self.take(key).expect("a live key")
    }
    fn word(&self, key: usize) -> u64 {
        self.get(key).expect("a live key")[1]
    }
}

impl Iterate for ShardedSlab {
    fn sum(&mut self) -> u64 {
        self.unique_iter()
            .fold(0, |sum, value| sum.wrapping_add(value[0]))
    }
}

/// Slots of one of oximedia's slabs. Its docs show 16, which is slower, and give no advice; from 256 on it
/// makes no difference.
const OXIMEDIA_SLOTS: usize = 4096;

impl Table for Oximedia {
    const NAME: &'static str = "oximedia-cache";
    type Key = oximedia_cache::slab_allocator::SlotHandle;

    fn new() -> Self {
        oximedia_cache::slab_allocator::SlabAllocator::new(OXIMEDIA_SLOTS)
    }
    fn insert(&mut self, value: Value) -> Self::Key {
        self.allocate(value).expect("room")
    }
    // There is no way to take a value out.
    fn remove(&mut self, key: Self::Key) -> Value {
        let value = *self.get(key).expect("a live handle");
        self.free(key).expect("a live handle");
        value
    }
    fn word(&self, key: Self::Key) -> u64 {
        self.get(key).expect("a live handle")[1]
    }
}

impl Shrink for StrataArena {
    fn shrink(&mut self, keys: &mut [Self::Key]) {
        const MOVES: usize = 1000;
        loop {
            let moved = self.compact_step(MOVES, |_, key, value| keys[value[0] as usize] = key);
            if moved < MOVES {
                break;
            }
        }
        self.release_empty(0);
    }
}

impl Shrink for Slab {
    fn shrink(&mut self, keys: &mut [usize]) {
        self.compact(|value, _, key| {
            keys[value[0] as usize] = key;
            true
        });
    }
}

// It "can never shrink the size of its underlying storage", its docs say.
impl Shrink for SlotMap {
    fn shrink(&mut self, _keys: &mut [Self::Key]) {}
}

impl Shrink for DenseSlotMap {
    fn shrink(&mut self, _keys: &mut [Self::Key]) {}
}

impl Shrink for Thunderdome {
    fn shrink(&mut self, _keys: &mut [Self::Key]) {}
}

impl Shrink for GenerationalArena {
    fn shrink(&mut self, _keys: &mut [Self::Key]) {}
}

impl Shrink for ShardedSlab {
    fn shrink(&mut self, _keys: &mut [Self::Key]) {}
}
