//! General allocators, called through `GlobalAlloc` as if each were the program's own.

use std::alloc::{GlobalAlloc, System};

use mimalloc::MiMalloc;

/// An allocator under the name of a box on it.
pub(super) trait General: GlobalAlloc + Send + 'static {
    const NAME: &'static str;
    const ALLOCATOR: Self;
}

impl General for System {
    const NAME: &'static str = "box-glibc";
    const ALLOCATOR: Self = System;
}

impl General for MiMalloc {
    const NAME: &'static str = "box-mimalloc";
    const ALLOCATOR: Self = MiMalloc;
}
