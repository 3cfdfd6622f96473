//! General allocators, called through `GlobalAlloc` as if each were the program's own.

use std::alloc::{GlobalAlloc, System};

use mimalloc::MiMalloc;

/// An allocator, and the names that boxes and vectors on it race under.
pub(super) trait General: GlobalAlloc + Send + Sync + 'static {
    const BOX: &'static str;
    const VEC: &'static str;
    const ALLOCATOR: Self;
}

impl General for System {
    const BOX: &'static str = "box-glibc";
    const VEC: &'static str = "vec-glibc";
    const ALLOCATOR: Self = System;
}

impl General for MiMalloc {
    const BOX: &'static str = "box-mimalloc";
    const VEC: &'static str = "vec-mimalloc";
    const ALLOCATOR: Self = MiMalloc;
}
