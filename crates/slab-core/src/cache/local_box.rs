//! `LocalBox`: owns a value in a slab of the thread's own cache, freed without an atomic step.

use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::Pin;
use core::ptr::NonNull;

use super::boxed::SlabBox;
use super::header::Slab;
use super::heap::LocalHeap;

/// Owns a `T` in a slab of a [`LocalCache`](crate::LocalCache), which it borrows: 8 bytes on 64-bit targets.
///
/// As the box cannot leave the thread, dropping it takes no atomic read-modify-write. [`into_shared`](Self::into_shared)
/// makes it a [`SlabBox`], which can. If dropping the value panics, its slot is free all the same; a box that is
/// forgotten keeps its slab for ever.
///
/// ```
/// use slab_core::SlabCache;
///
/// let cache = SlabCache::new()?;
/// let local = cache.local()?;
/// let mut sum = local.alloc(40)?;
/// *sum += 2;
/// assert_eq!(*sum, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is neither `Send` nor outlives its cache:
///
/// ```compile_fail,E0277
/// let cache = slab_core::SlabCache::new().unwrap();
/// let local = cache.local().unwrap();
/// let one = local.alloc(1).unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(one));
/// });
/// ```
///
/// ```compile_fail,E0505
/// let cache = slab_core::SlabCache::new().unwrap();
/// let local = cache.local().unwrap();
/// let one = local.alloc(1).unwrap();
/// drop(local);
/// drop(one);
/// ```
pub struct LocalBox<'a, T, const SLAB: usize = 65536> {
    /// A slot in use that holds a value and is this box's; derives from the base of its slab, which a local heap owns
    /// as long as `'a`.
    pub(super) slot: NonNull<T>,
    _owns: PhantomData<(T, &'a LocalHeap)>,
}

const _: () = assert!(size_of::<Option<LocalBox<'_, [u64; 9]>>>() == size_of::<usize>());

/// Frees its slot when dropped, also while a panic unwinds.
struct Put<T, const SLAB: usize>(NonNull<T>);

impl<T, const SLAB: usize> Drop for Put<T, SLAB> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the slot was the box's, whose value is gone. Its slab is owned by the heap that the box borrowed,
        // and the caller is on the thread that has the heap.
        unsafe {
            let heap = NonNull::new_unchecked(Slab::of::<T, T, SLAB>(self.0).owner());
            LocalHeap::put::<T, SLAB>(heap, self.0);
        }
    }
}

impl<'a, T, const SLAB: usize> LocalBox<'a, T, SLAB> {
    /// # Safety
    /// 1. `slot` is a slot in use of a slab of this geometry, derives from its base, and is the caller's. 2. It holds a
    ///    value. 3. Its slab is owned by the heap of the local cache that is borrowed for `'a`.
    #[inline(always)]
    pub(super) unsafe fn from_slot(slot: NonNull<T>) -> Self {
        Self {
            slot,
            _owns: PhantomData,
        }
    }

    #[inline(always)]
    fn into_slot(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).slot
    }

    /// Takes the value out and frees its slot.
    #[inline]
    pub fn into_inner(this: Self) -> T {
        let slot = Put::<T, SLAB>(Self::into_slot(this));
        // SAFETY: the slot holds a value, which is the box's; the slot is freed after the read.
        unsafe { slot.0.read() }
    }

    /// The same box, pinned: the value stays where it is until it is dropped there.
    ///
    /// ```
    /// use core::future::Future;
    /// use core::task::{Context, Waker};
    /// use slab_core::{LocalBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let local = cache.local()?;
    /// let mut task = LocalBox::into_pin(local.alloc_with(|| async { 7 })?);
    /// let polled = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    /// assert!(polled.is_ready());
    /// # Ok::<(), slab_core::ProvideError>(())
    /// ```
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: the box owns the value and never moves it. Its slot is used again, or its memory given back, only after
        // the value was dropped there: a box that is forgotten keeps its slab, also when the local cache ends.
        unsafe { Pin::new_unchecked(this) }
    }

    /// The same value at the same place, as a box that may leave the thread and outlive the cache. Costs nothing.
    ///
    /// ```
    /// use slab_core::{SlabBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let local = cache.local()?;
    /// let text: SlabBox<&str> = local.alloc("sent")?.into_shared();
    /// let sent = std::thread::spawn(move || *text).join();
    /// assert_eq!(sent.unwrap(), "sent");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn into_shared(self) -> SlabBox<T, SLAB> {
        // SAFETY: the slot holds a value and was this box's.
        unsafe { SlabBox::from_slot(Self::into_slot(self)) }
    }
}

impl<'a, T, const SLAB: usize> LocalBox<'a, MaybeUninit<T>, SLAB> {
    /// Writes the value.
    #[inline(always)]
    pub fn write(mut self, value: T) -> LocalBox<'a, T, SLAB> {
        MaybeUninit::write(&mut self, value);
        // SAFETY: the value was written just now.
        unsafe { self.assume_init() }
    }

    /// Says that the value was written.
    ///
    /// # Safety
    /// 1. The bytes are those of a valid `T`, which nothing else owns.
    #[inline(always)]
    pub unsafe fn assume_init(self) -> LocalBox<'a, T, SLAB> {
        // SAFETY: `MaybeUninit<T>` has the layout of `T`, hence slabs the same geometry; clause 1 for the value; the
        // lifetime stays.
        unsafe { LocalBox::from_slot(Self::into_slot(self).cast()) }
    }
}

impl<T, const SLAB: usize> Drop for LocalBox<'_, T, SLAB> {
    #[inline(always)]
    fn drop(&mut self) {
        let _put = Put::<T, SLAB>(self.slot);
        // SAFETY: the slot holds a value, which is the box's and is not used afterwards.
        unsafe { self.slot.drop_in_place() };
    }
}
