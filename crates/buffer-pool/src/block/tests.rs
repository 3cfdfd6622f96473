//! What the marks of a block say after each operation.

use super::*;
use crate::BufferPool;

/// Zeros `start..end` after writing `written` bytes, and says which bytes that touched.
fn touched_by_zero(written: usize, start: usize, end: usize) -> Vec<usize> {
    let pool = BufferPool::new();
    let mut block = pool.bare_block(4096);
    // SAFETY: everything lies within 4096 bytes; `write` leaves them initialised below `written`, `initialise`
    // the rest; the traces are bytes that the block does not know of.
    unsafe {
        block.write(0, &vec![1; written]);
        block.initialise(4096);
        block.data().write_bytes(0xEE, 4096);
        block.zero(start, end);
        let bytes = core::slice::from_raw_parts(block.data().as_ptr(), 4096);
        let touched = (0..4096).filter(|&at| bytes[at] == 0).collect();
        Core::release_block(block);
        touched
    }
}

#[test]
fn zero_clears_only_what_may_be_dirty() {
    assert_eq!(touched_by_zero(0, 0, 4096), []);
    assert_eq!(touched_by_zero(100, 0, 4096), (0..100).collect::<Vec<_>>());
    assert_eq!(touched_by_zero(100, 0, 10), (0..10).collect::<Vec<_>>());
    assert_eq!(
        touched_by_zero(100, 40, 4096),
        (40..100).collect::<Vec<_>>()
    );
    assert_eq!(touched_by_zero(100, 200, 4096), []);
}

#[test]
fn marks_after_each_operation() {
    let pool = BufferPool::new();
    let mut block = pool.bare_block(4096);
    let marks = |block: &mut Block| block.marks(|marks| (marks.init, marks.dirty));
    assert_eq!(marks(&mut block), (0, 0));
    // SAFETY: all ranges lie within 4096 bytes and start within what is initialised.
    unsafe {
        block.write(0, &[1; 10]);
        assert_eq!(marks(&mut block), (10, 10));
        block.initialise(100);
        assert_eq!(marks(&mut block), (100, 10), "known zeros are not dirty");
        block.zero(50, 200);
        assert_eq!(marks(&mut block), (200, 10));
        block.fill(150, 160, 3);
        assert_eq!(marks(&mut block), (200, 160));
        block.zero(0, 100);
        assert_eq!(marks(&mut block), (200, 160), "the rest is dirty still");
        block.zero(90, 300);
        assert_eq!(marks(&mut block), (300, 90));
        block.tail(20);
        assert_eq!(marks(&mut block), (300, 4096));
        assert_eq!(block.spare(20).len(), 4076);
        assert_eq!(
            marks(&mut block),
            (20, 4096),
            "nothing is known above the length"
        );
        block.zero(20, 4096);
        assert_eq!(marks(&mut block), (4096, 20));
        block.move_to_front(4000, 96);
        assert_eq!(marks(&mut block), (4096, 96));
    }
    Core::release_block(block);
}
