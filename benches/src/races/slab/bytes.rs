//! Byte strings of 16 to 4,096 bytes: `ByteSlab` against boxes on the general allocators.

use std::alloc::{Layout, System};
use std::rc::Rc;

use mimalloc::MiMalloc;
use slab_core::ByteSlab;

use crate::races::general::General;
use crate::{Contender, Effort, Sample, Sequence, Workload};

const LIVE: usize = 10_000;

/// A store of byte strings.
trait Heap: 'static {
    const NAME: &'static str;
    type Key: Copy + 'static;
    fn new() -> Self;
    fn put(&mut self, bytes: &[u8]) -> Self::Key;
    fn first_and_len(&self, key: Self::Key) -> u64;
    fn free(&mut self, key: Self::Key);
}

impl Heap for ByteSlab {
    const NAME: &'static str = "strata-byteslab";
    type Key = slab_core::ByteHandle;

    fn new() -> Self {
        ByteSlab::new()
    }
    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Self::Key {
        self.alloc(bytes).expect("memory")
    }
    #[inline]
    fn first_and_len(&self, key: Self::Key) -> u64 {
        digest(self.get(key).expect("a live handle"))
    }
    #[inline]
    fn free(&mut self, key: Self::Key) {
        assert!(ByteSlab::free(self, key));
    }
}

/// `Box<[u8]>` on an allocator that is called through `GlobalAlloc`, as if it were the program's own.
struct Boxes<A>(A);

#[derive(Clone, Copy)]
struct RawBox {
    ptr: *mut u8,
    len: usize,
}

impl<A: General> Heap for Boxes<A> {
    const NAME: &'static str = A::BOX;
    type Key = RawBox;

    fn new() -> Self {
        Boxes(A::ALLOCATOR)
    }
    #[inline]
    fn put(&mut self, bytes: &[u8]) -> RawBox {
        let layout = Layout::for_value(bytes);
        // SAFETY: every length of the workload is above 0, and the block fits what is copied into it.
        unsafe {
            let ptr = self.0.alloc(layout);
            assert!(!ptr.is_null());
            ptr.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            RawBox {
                ptr,
                len: bytes.len(),
            }
        }
    }
    #[inline]
    fn first_and_len(&self, key: RawBox) -> u64 {
        // SAFETY: `put` wrote `len` bytes there, and the workload frees each key once, after its last use.
        digest(unsafe { std::slice::from_raw_parts(key.ptr, key.len) })
    }
    #[inline]
    fn free(&mut self, key: RawBox) {
        // SAFETY: as above; the layout is the one of `put`.
        unsafe {
            self.0.dealloc(
                key.ptr,
                Layout::array::<u8>(key.len).expect("a layout of `put`"),
            )
        }
    }
}

fn digest(bytes: &[u8]) -> u64 {
    u64::from(bytes[0]) + bytes.len() as u64
}

struct Plan {
    positions: Vec<u32>,
    sizes: Vec<u32>,
    payload: Vec<u8>,
}

/// 10,000 live, sizes log-uniform: read a random one, free it, put another.
pub(super) fn churn(effort: Effort) -> Vec<Workload> {
    fn contender<H: Heap>(plan: &Rc<Plan>) -> Contender {
        let mut heap = H::new();
        let mut keys: Vec<H::Key> = plan.sizes[..LIVE]
            .iter()
            .map(|&size| heap.put(&plan.payload[..size as usize]))
            .collect();
        let plan = Rc::clone(plan);
        Contender::new(H::NAME, move || {
            Sample::timed(plan.positions.len(), || {
                let mut sum = 0u64;
                for (&position, &size) in plan.positions.iter().zip(&plan.sizes[LIVE..]) {
                    let key = &mut keys[position as usize];
                    sum = sum.wrapping_mul(31).wrapping_add(heap.first_and_len(*key));
                    heap.free(*key);
                    *key = heap.put(&plan.payload[..size as usize]);
                }
                sum
            })
        })
    }
    let mut sequence = Sequence::seeded(5);
    let operations = effort.operations(1_000_000);
    let plan = Rc::new(Plan {
        positions: sequence.uniform(operations, LIVE as u32),
        sizes: sequence.log_uniform(operations + LIVE, 16, 4096),
        payload: vec![7; 4096],
    });
    vec![
        Workload::new("slab", "bytes-churn", "ns")
            .with(contender::<ByteSlab>(&plan))
            .with(contender::<Boxes<System>>(&plan))
            .with(contender::<Boxes<MiMalloc>>(&plan)),
    ]
}
