//! One face over the typed slabs, so that all run the same code.

/// What the typed workloads store: 32 bytes.
pub(super) type Value = [u64; 4];

/// A slab of [`Value`]s.
pub(super) trait Table: 'static {
    const NAME: &'static str;
    type Key: Copy + 'static;
    fn new() -> Self;
    fn insert(&mut self, value: Value) -> Self::Key;
    fn remove(&mut self, key: Self::Key) -> Value;
    fn get(&self, key: Self::Key) -> &Value;
    /// The sum of every value's first word.
    fn sum(&self) -> u64;
}

impl Table for slab_core::Arena<Value> {
    const NAME: &'static str = "strata-arena";
    type Key = slab_core::Handle<Value>;

    fn new() -> Self {
        slab_core::Arena::new()
    }
    fn insert(&mut self, value: Value) -> Self::Key {
        slab_core::Arena::insert(self, value)
    }
    fn remove(&mut self, key: Self::Key) -> Value {
        slab_core::Arena::remove(self, key).expect("a live handle")
    }
    fn get(&self, key: Self::Key) -> &Value {
        slab_core::Arena::get(self, key).expect("a live handle")
    }
    fn sum(&self) -> u64 {
        self.iter()
            .fold(0, |sum, (_, value)| sum.wrapping_add(value[0]))
    }
}

impl Table for slab::Slab<Value> {
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
    fn get(&self, key: usize) -> &Value {
        slab::Slab::get(self, key).expect("a live key")
    }
    fn sum(&self) -> u64 {
        self.iter()
            .fold(0, |sum, (_, value)| sum.wrapping_add(value[0]))
    }
}

impl Table for slotmap::SlotMap<slotmap::DefaultKey, Value> {
    const NAME: &'static str = "slotmap";
    type Key = slotmap::DefaultKey;

    fn new() -> Self {
        slotmap::SlotMap::new()
    }
    fn insert(&mut self, value: Value) -> Self::Key {
        slotmap::SlotMap::insert(self, value)
    }
    fn remove(&mut self, key: Self::Key) -> Value {
        slotmap::SlotMap::remove(self, key).expect("a live key")
    }
    fn get(&self, key: Self::Key) -> &Value {
        slotmap::SlotMap::get(self, key).expect("a live key")
    }
    fn sum(&self) -> u64 {
        self.iter()
            .fold(0, |sum, (_, value)| sum.wrapping_add(value[0]))
    }
}

impl Table for thunderdome::Arena<Value> {
    const NAME: &'static str = "thunderdome";
    type Key = thunderdome::Index;

    fn new() -> Self {
        thunderdome::Arena::new()
    }
    fn insert(&mut self, value: Value) -> Self::Key {
        thunderdome::Arena::insert(self, value)
    }
    fn remove(&mut self, key: Self::Key) -> Value {
        thunderdome::Arena::remove(self, key).expect("a live key")
    }
    fn get(&self, key: Self::Key) -> &Value {
        thunderdome::Arena::get(self, key).expect("a live key")
    }
    fn sum(&self) -> u64 {
        self.iter()
            .fold(0, |sum, (_, value)| sum.wrapping_add(value[0]))
    }
}
