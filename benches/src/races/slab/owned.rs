//! One face over the owners of single objects, boxes and the like, so that all run the same code.

use std::alloc::Layout;
use std::ptr::NonNull;

use slab_core::{LocalBox, LocalCache, SlabCache};

use super::table::Value;
use crate::races::general::General;

/// Allocates [`Value`]s one by one.
pub(super) trait Owner: 'static {
    const NAME: &'static str;
    /// What owns a value; 8 bytes in all of them, and `None` takes no more.
    type Held: 'static;
    fn new() -> Self;
    fn put(&mut self, value: Value) -> Self::Held;
    /// Frees the value and returns its last word.
    fn free(&self, held: Self::Held) -> u64;
}

/// `LocalBox`es of a cache that is leaked, so that they may borrow it for the rest of the program.
pub(super) struct Local(&'static LocalCache<Value>);

impl Owner for Local {
    const NAME: &'static str = "strata-localbox";
    type Held = LocalBox<'static, Value>;

    fn new() -> Self {
        let cache = SlabCache::new().expect("memory");
        Local(Box::leak(Box::new(cache.local().expect("memory"))))
    }
    fn put(&mut self, value: Value) -> Self::Held {
        self.0.alloc(value).expect("memory")
    }
    fn free(&self, held: Self::Held) -> u64 {
        held[3]
    }
}

/// `Box<Value>`s on an allocator that is not the program's own.
pub(super) struct Boxed<A>(A);

/// A box whose allocator is not part of its type.
pub(super) struct RawBox(NonNull<Value>);

// SAFETY: it owns the value, which is `Send`, and the general allocators free on any thread.
unsafe impl Send for RawBox {}

impl<A: General> Owner for Boxed<A> {
    const NAME: &'static str = A::BOX;
    type Held = RawBox;

    fn new() -> Self {
        Boxed(A::ALLOCATOR)
    }
    fn put(&mut self, value: Value) -> RawBox {
        // SAFETY: the size is not 0, and the block fits the value.
        unsafe {
            let block = self.0.alloc(Layout::new::<Value>()).cast::<Value>();
            let block = NonNull::new(block).expect("memory");
            block.write(value);
            RawBox(block)
        }
    }
    fn free(&self, held: RawBox) -> u64 {
        // SAFETY: `put` wrote the value and gave this layout; the box is gone after this.
        unsafe {
            let word = held.0.as_ref()[3];
            self.0
                .dealloc(held.0.as_ptr().cast(), Layout::new::<Value>());
            word
        }
    }
}
