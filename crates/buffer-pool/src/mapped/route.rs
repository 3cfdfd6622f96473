//! `Route`: which blocks are carved out of chunks of which kind, and which are mappings of their own.

use core::alloc::Layout;

use super::granules::GRANULES;

/// Bytes of a huge page on x86-64, and on AArch64 with pages of 4 KiB. Chunks are as large, and aligned so.
pub(super) const HUGE: usize = 2 << 20;
/// Bytes of a granule of a chunk.
pub(super) const PAGE: usize = HUGE / GRANULES;
/// Bytes of a chunk of the finest tier, which is a block of the dense one.
pub(super) const FINE_CHUNK: usize = 32 << 10;
/// Bytes of a granule of such a chunk.
pub(super) const FINE: usize = FINE_CHUNK / GRANULES;

/// What a block takes of a chunk.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Granules, up to half a chunk.
    pub(super) len: usize,
    /// The multiple that its first granule is, a power of two.
    pub(super) align: usize,
}

/// Tells the tiers apart.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Granules of 64 bytes.
    Fine,
    /// Granules of 4 KiB, huge pages.
    Dense,
    /// Granules of 4 KiB, small pages.
    Sparse,
}

/// Where a block comes from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Carved(Kind, Run),
    Own,
}

/// A chunk of the finest tier as a block of the dense one.
pub(super) const FINE_CHUNK_RUN: Run = Run {
    len: FINE_CHUNK / PAGE,
    align: FINE_CHUNK / PAGE,
};

impl Route {
    pub(super) fn of(layout: Layout) -> Self {
        let (size, align) = (layout.size(), layout.align());
        // What the block takes with others of its kind behind it. Does not overflow: a layout's size, rounded up, is
        // at most `isize::MAX`.
        let stride = size.next_multiple_of(align);
        if stride <= FINE_CHUNK / 2 && !stride.is_multiple_of(PAGE) {
            return Self::Carved(Kind::Fine, Run::of(layout, FINE));
        }
        if size > HUGE / 2 || align > HUGE {
            return Self::Own;
        }
        let kind = if align > PAGE && align > 2 * size {
            // Of a huge page, less than half would be used.
            Kind::Sparse
        } else {
            Kind::Dense
        };
        Self::Carved(kind, Run::of(layout, PAGE))
    }
}

impl Run {
    fn of(layout: Layout, granule: usize) -> Self {
        Self {
            len: layout.size().div_ceil(granule),
            align: layout.align().div_ceil(granule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carved(size: usize, align: usize) -> Option<(Kind, usize, usize)> {
        match Route::of(Layout::from_size_align(size, align).unwrap()) {
            Route::Carved(kind, run) => Some((kind, run.len, run.align)),
            Route::Own => None,
        }
    }

    #[test]
    fn whole_pages_are_dense_and_parts_of_pages_fine() {
        assert_eq!(carved(1, 1), Some((Kind::Fine, 1, 1)));
        assert_eq!(carved(65, 128), Some((Kind::Fine, 2, 2)));
        assert_eq!(carved(6144, 1), Some((Kind::Fine, 96, 1)));
        assert_eq!(carved(6144, 4096), Some((Kind::Dense, 2, 1)));
        assert_eq!(carved(4096, 1), Some((Kind::Dense, 1, 1)));
        assert_eq!(carved(16 << 10, 1), Some((Kind::Dense, 4, 1)));
        assert_eq!(carved(20_000, 64), Some((Kind::Dense, 5, 1)));
        assert_eq!(carved(1 << 20, 4096), Some((Kind::Dense, 256, 1)));
        assert_eq!(carved(1 << 20, 2 << 20), Some((Kind::Dense, 256, 512)));
    }

    #[test]
    fn what_is_far_apart_gets_small_pages_and_what_is_large_its_own() {
        assert_eq!(carved(4096, 8192), Some((Kind::Dense, 1, 2)));
        assert_eq!(carved(4096, 16_384), Some((Kind::Sparse, 1, 4)));
        assert_eq!(carved(1, 2 << 20), Some((Kind::Sparse, 1, 512)));
        assert_eq!(carved((1 << 20) + 1, 1), None);
        assert_eq!(carved(1, 4 << 20), None);
        assert_eq!(carved(isize::MAX as usize, 1), None);
    }
}
