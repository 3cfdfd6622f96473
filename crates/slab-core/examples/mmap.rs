//! A provider of one's own: pages straight from the kernel, by mmap, with huge pages asked for; an arena and an object
//! cache on them.
//!
//! Run with `cargo run -p slab-core --example mmap`. On systems without mmap it does nothing.

#[cfg(unix)]
#[expect(clippy::disallowed_types, reason = "the ban is for the crate itself")]
mod pages {
    //! The provider.

    use std::alloc::Layout;
    use std::ffi::c_void;
    use std::ptr::{NonNull, null_mut};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    use rustix::param::page_size;
    use slab_core::{ProvideError, Provider};

    /// Bytes of a huge page, on x86-64 and on ARM with pages of 4 KiB.
    const HUGE: usize = 2 << 20;

    /// Pages of the kernel: each block is a mapping of its own, in whole pages.
    #[derive(Debug, Default)]
    pub(crate) struct Pages {
        /// Bytes mapped and not unmapped. A statistic: Relaxed.
        mapped: AtomicUsize,
    }

    impl Pages {
        pub(crate) const fn new() -> Self {
            Self {
                mapped: AtomicUsize::new(0),
            }
        }

        /// Bytes of address space that this provider has from the kernel.
        pub(crate) fn mapped(&self) -> usize {
            self.mapped.load(Ordering::Relaxed)
        }

        /// Gives pages back. The kernel refuses where that would leave more mappings than a process may have; the
        /// pages then stay mapped, which `mapped` tells, and are not used again.
        ///
        /// # Safety
        /// 1. The pages are mapped by `self`. 2. Nobody uses them any more.
        unsafe fn unmap(&self, start: *mut c_void, size: usize) {
            // SAFETY: clauses 1 and 2.
            if size != 0 && unsafe { munmap(start, size) }.is_ok() {
                self.mapped.fetch_sub(size, Ordering::Relaxed);
            }
        }
    }

    /// Whole pages that hold a block of `layout`.
    fn size_of_mapping(layout: Layout) -> Result<usize, ProvideError> {
        let size = layout.size().checked_next_multiple_of(page_size());
        size.ok_or(ProvideError::TooLarge)
    }

    // SAFETY: 1 and 2: a private mapping of at least the size, which the kernel put where nothing was, readable and
    // writable; its address is a multiple of the alignment. 3: it stays until `deallocate`. 4: the kernel clears pages.
    // 5: nothing here panics.
    unsafe impl Provider for Pages {
        fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
            if layout.size() == 0 {
                return Ok(layout.dangling_ptr());
            }
            let size = size_of_mapping(layout)?;
            // What is large enough for a huge page is aligned to one, asked or not.
            let huge = size >= HUGE;
            let align = layout.align().max(if huge { HUGE } else { 1 });
            // The kernel aligns to a page. For more than that, map more and give the ends back.
            let slack = align.saturating_sub(page_size());
            let whole = size.checked_add(slack).ok_or(ProvideError::TooLarge)?;
            let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
            // SAFETY: the kernel chooses the place, so nothing is mapped over.
            let start = unsafe { mmap_anonymous(null_mut(), whole, access, kind) }
                .map_err(|_| ProvideError::Exhausted)?;
            self.mapped.fetch_add(whole, Ordering::Relaxed);
            let front = start.addr().wrapping_neg() & (align - 1);
            // SAFETY: `start` is a multiple of a page, so `front` is at most `slack`: it and what follows the block are
            // whole pages of the mapping, and nobody knows them.
            let block = unsafe {
                let block = start.byte_add(front);
                self.unmap(start, front);
                self.unmap(block.byte_add(size), slack - front);
                block
            };
            if huge {
                advise_huge(block, size);
            }
            NonNull::new(block.cast()).ok_or(ProvideError::Exhausted)
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
            // Pages come cleared.
            self.allocate(layout)
        }

        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            // The same size as in `allocate`, which has not failed.
            if let Ok(size) = size_of_mapping(layout) {
                // SAFETY: the caller's promises: a block of `allocate`, which mapped so much and trimmed the rest.
                unsafe { self.unmap(block.as_ptr().cast(), size) };
            }
        }
    }

    /// Asks for huge pages. Only advice: a kernel without them refuses, and small ones do as well.
    #[cfg(target_os = "linux")]
    fn advise_huge(start: *mut c_void, size: usize) {
        use rustix::mm::{Advice, madvise};

        // SAFETY: the pages are mapped, and this advice does not change what they hold.
        let _refused = unsafe { madvise(start, size, Advice::LinuxHugepage) };
    }

    #[cfg(not(target_os = "linux"))]
    fn advise_huge(_: *mut c_void, _: usize) {}
}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::alloc::Layout;

    use pages::Pages;
    use slab_core::{Arena, Counting, Provider, Segmented, SlabCache};

    static PAGES: Counting<Pages> = Counting::new(Pages::new());
    const MIB: f64 = (1 << 20) as f64;
    let mapped = || PAGES.provider().mapped() as f64 / MIB;

    // An arena borrows the provider; its slabs are mappings.
    let mut arena = Arena::new_in(&PAGES);
    for number in 0..200_000_u64 {
        arena.try_insert(number)?;
    }
    let sum: u64 = arena.iter().map(|(_, &number)| number).sum();
    assert_eq!(sum, 200_000 * 199_999 / 2);
    let blocks = PAGES.live_blocks();
    println!("arena: {blocks} mappings, {:.2} MiB", mapped());
    drop(arena);

    // An object cache owns its provider, or has it for ever. Slabs are aligned to 64 KiB: each costs a mapping of
    // nearly twice that, of which the ends go back at once.
    let cache = SlabCache::new_in(&PAGES)?;
    let boxes: Vec<_> = (0..100_000_u64)
        .map(|number| cache.alloc([number; 4]))
        .collect::<Result<_, _>>()?;
    let blocks = PAGES.live_blocks();
    println!(
        "cache: {} slabs in {blocks} mappings, {:.2} MiB",
        cache.stats().slabs,
        mapped()
    );
    drop((cache, boxes));

    // Through segments the kernel is asked for 4 MiB at a time, in which it can place huge pages.
    let cache = SlabCache::new_in(Segmented::new(&PAGES))?;
    let boxes: Vec<_> = (0..100_000_u64)
        .map(|number| cache.alloc([number; 4]))
        .collect::<Result<_, _>>()?;
    let blocks = PAGES.live_blocks();
    println!(
        "cache in segments: {} slabs in {blocks} mappings, {:.2} MiB",
        cache.stats().slabs,
        mapped()
    );
    drop((cache, boxes));

    // Far beyond what mmap aligns to.
    let layout = Layout::from_size_align(3 << 20, 16 << 20)?;
    let block = PAGES.allocate_zeroed(layout)?;
    assert_eq!(block.addr().get() % layout.align(), 0);
    println!(
        "3 MiB at a multiple of 16 MiB: {:.2} MiB stay mapped",
        mapped()
    );
    // SAFETY: the block is from this provider, with this layout, and not used any more.
    unsafe { PAGES.deallocate(block, layout) };

    println!(
        "{} mappings made, {} left; {:.2} MiB",
        PAGES.allocations(),
        PAGES.live_blocks(),
        mapped()
    );
    assert_eq!((PAGES.live_blocks(), PAGES.provider().mapped()), (0, 0));
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("this example needs mmap");
}
