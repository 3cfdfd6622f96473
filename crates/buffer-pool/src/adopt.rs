//! A `Vec<u8>` becomes a pool's buffer, and a buffer a `Vec<u8>`, without a copy.
//!
//! A `Vec<u8>` frees its memory by the global allocator, with the layout {its capacity, alignment 1}, and that must be
//! the layout that it was allocated with: anything else is undefined behaviour, whatever the allocator would make of it. A
//! pool's block is freed with {its capacity, the pool's alignment}, by the pool's provider. So the two can be exchanged
//! exactly when the pool's provider is [`Global`](slab_core::Global) itself, which hands each layout on as it is, and its
//! alignment is 1. The capacity goes along: a block's is what it was allocated with, a `Vec`'s likewise.
//!
//! | | adopted | given away |
//! |---|---|---|
//! | capacity | exactly that of a class, so that the block can be pooled | as it is, oversize and overflow too |
//! | budget | charged, idle blocks are reclaimed for it | refunded |
//! | `init`, `dirty` | the length: of the rest nothing is known | at least the length |

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::buffer::PooledBuf;
use crate::error::{AdoptError, AdoptErrorKind};
use crate::pool::BufferPool;
use crate::pool_core::Core;

impl BufferPool {
    /// Makes `vec` a buffer of this pool, without a copy: its contents, length and capacity stay. When the buffer is
    /// dropped its memory is kept and lent again as any other of the pool.
    ///
    /// Its capacity must be exactly that of a class, the pool's provider the global allocator, and its alignment 1. The
    /// block is charged to the budget; it counts neither as an acquire nor as a miss.
    ///
    /// # Errors
    /// [`AdoptError`], which gives `vec` back as it was: [`Foreign`](AdoptErrorKind::Foreign) from a pool with another
    /// provider or alignment, [`Capacity`](AdoptErrorKind::Capacity) when no class has it,
    /// [`Acquire`](AdoptErrorKind::Acquire) as [`try_acquire`](Self::try_acquire) refuses.
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut vec = Vec::with_capacity(8192);
    /// vec.extend_from_slice(b"from elsewhere");
    /// let buf = pool.adopt(vec)?;
    /// assert_eq!((&*buf, buf.capacity()), (&b"from elsewhere"[..], 8192));
    /// drop(buf);
    /// assert_eq!(pool.stats().idle_bytes(), 8192);
    /// # Ok::<(), buffer_pool::AdoptError>(())
    /// ```
    #[track_caller]
    pub fn adopt(&self, vec: Vec<u8>) -> Result<PooledBuf, AdoptError> {
        let core = self.core();
        if !core.source().is_of_vecs() {
            return Err(AdoptError::new(vec, AdoptErrorKind::Foreign));
        }
        let capacity = vec.capacity();
        let Some(place) = core.class_of(capacity) else {
            return Err(AdoptError::new(vec, AdoptErrorKind::Capacity { capacity }));
        };
        let mut vec = ManuallyDrop::new(vec);
        let len = vec.len();
        // Not from a slice, which would be a pointer to the contents alone.
        let data = NonNull::new(vec.as_mut_ptr()).expect("the pointer of a `Vec` is not null");
        // SAFETY: clause 1: the memory of a `Vec<u8>` with a capacity, no class having 0 bytes, is the global allocator's
        // with the layout {capacity, 1}, which is what the source frees, see the module's text; `vec` is not dropped, and
        // used again only after a failure. Clause 2: so are the contents of a `Vec`.
        match unsafe { Core::adopt(core, data, capacity, place, len) } {
            // SAFETY: these bytes are initialised, and were noted as such.
            Ok(block) => Ok(unsafe { PooledBuf::with_len(block, len) }),
            Err(error) => {
                let vec = ManuallyDrop::into_inner(vec);
                Core::serve_waiting(core);
                Err(AdoptError::new(vec, AdoptErrorKind::Acquire(error)))
            }
        }
    }
}

impl PooledBuf {
    /// The contents as a `Vec<u8>`, without a copy: the memory leaves the pool, which is refunded, and is freed by whoever
    /// drops the `Vec`. Its capacity is that of the buffer.
    ///
    /// # Errors
    /// The buffer itself, unless the pool's provider is the global allocator and its alignment 1. (`to_vec` copies.)
    ///
    /// ```
    /// let pool = buffer_pool::BufferPool::new();
    /// let mut buf = pool.acquire(4096);
    /// buf.extend_from_slice(b"to keep");
    /// let address = buf.as_ptr();
    /// let vec = buf.into_vec().expect("a pool of the global allocator");
    /// assert_eq!((&vec[..], vec.as_ptr(), vec.capacity()), (&b"to keep"[..], address, 4096));
    /// assert_eq!(pool.stats().charged_bytes, 0);
    /// ```
    pub fn into_vec(self) -> Result<Vec<u8>, Self> {
        if !self.core().source().is_of_vecs() {
            return Err(self);
        }
        let len = self.len();
        let (data, capacity, core) = Core::disown(self.into_block());
        // SAFETY: the memory is the global allocator's, allocated with the layout {capacity, 1}, see the module's text, or
        // was a `Vec`'s of this capacity; nobody else has it. The first `len` bytes are initialised, as of any buffer.
        let vec = unsafe { Vec::from_raw_parts(data.as_ptr(), len, capacity) };
        Core::serve_waiting(&core);
        Ok(vec)
    }
}
