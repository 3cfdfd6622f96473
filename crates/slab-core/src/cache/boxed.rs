//! `SlabBox`: owns a value in a slab, from any thread, for as long as it likes.

use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::Pin;
use core::ptr::NonNull;

use super::header::Slab;

/// Owns a `T` in a slab of a [`SlabCache`](crate::SlabCache), 8 bytes on 64-bit targets, `Option` included.
///
/// It may outlive every handle of its cache and go to another thread if `T` may. Dropping it costs one
/// compare-exchange on the slab's header, found by masking the address. The drop after which a slab without any cache
/// is empty also gives the slab back to the provider, on the thread it happens on.
///
/// A box that is forgotten (`mem::forget`) keeps its slab, and so the provider, for ever.
///
/// If dropping the value panics, its slot is free all the same.
///
/// ```
/// use slab_core::{SlabBox, SlabCache};
///
/// let cache = SlabCache::new()?;
/// let mut text: SlabBox<String> = cache.alloc(String::from("slab"))?;
/// text.push_str("-core");
/// drop(cache);
/// let length = std::thread::spawn(move || text.len());
/// assert_eq!(length.join().unwrap(), 9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SlabBox<T, const SLAB: usize = 65536> {
    /// A slot in use that holds a value and is this box's; derives from the base of its slab.
    pub(super) slot: NonNull<T>,
    _owns: PhantomData<T>,
}

// SAFETY: the box owns its value; the slot is freed by an atomic protocol, on any thread.
unsafe impl<T: Send, const SLAB: usize> Send for SlabBox<T, SLAB> {}
// SAFETY: a shared box gives shared references to its value only.
unsafe impl<T: Sync, const SLAB: usize> Sync for SlabBox<T, SLAB> {}

const _: () = assert!(size_of::<Option<SlabBox<[u64; 9]>>>() == size_of::<usize>());

/// Frees its slot when dropped, also while a panic unwinds.
struct Free<T, const SLAB: usize>(NonNull<T>);

impl<T, const SLAB: usize> Drop for Free<T, SLAB> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the slot was the box's, whose value is gone, and is not used any more.
        unsafe { Slab::of::<T, T, SLAB>(self.0).free::<T, SLAB>(self.0) }
    }
}

impl<T, const SLAB: usize> SlabBox<T, SLAB> {
    /// # Safety
    /// 1. `slot` is a slot in use of a slab of this geometry, derives from its base, and is the caller's. 2. It holds a
    ///    value.
    #[inline(always)]
    pub(super) unsafe fn from_slot(slot: NonNull<T>) -> Self {
        Self {
            slot,
            _owns: PhantomData,
        }
    }

    /// Gives up the box without freeing anything.
    #[inline(always)]
    pub(super) fn into_slot(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).slot
    }

    /// Takes the value out and frees its slot.
    ///
    /// ```
    /// use slab_core::{SlabBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let seven = cache.alloc(7)?;
    /// assert_eq!(SlabBox::into_inner(seven), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn into_inner(this: Self) -> T {
        let slot = Free::<T, SLAB>(Self::into_slot(this));
        // SAFETY: the slot holds a value, which is the box's; the slot is freed after the read.
        unsafe { slot.0.read() }
    }

    /// The same box, pinned: the value stays where it is until it is dropped there.
    ///
    /// ```
    /// use core::future::Future;
    /// use core::task::{Context, Waker};
    /// use slab_core::{SlabBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let mut task = SlabBox::into_pin(cache.alloc_with(|| async { 7 })?);
    /// let polled = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    /// assert!(polled.is_ready());
    /// # Ok::<(), slab_core::ProvideError>(())
    /// ```
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: the box owns the value and never moves it. Its slot is used again, or its memory given back, only after
        // the value was dropped there: a box that is forgotten keeps its slab.
        unsafe { Pin::new_unchecked(this) }
    }

    /// The value's address, without a reference to the value: as that of [`into_raw`](Self::into_raw), but the box stays
    /// the owner.
    ///
    /// ```
    /// use slab_core::{SlabBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let seven = cache.alloc(7)?;
    /// let address = SlabBox::as_ptr(&seven);
    /// assert_eq!(address, SlabBox::into_raw(seven));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn as_ptr(this: &Self) -> NonNull<T> {
        this.slot
    }

    /// The value for as long as the caller likes: it is never dropped, and keeps its slab, and so the provider, for ever.
    ///
    /// ```
    /// use slab_core::{SlabBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let settings: &'static mut [u8; 2] = SlabBox::leak(cache.alloc([1, 2])?);
    /// drop(cache);
    /// settings[0] = 3;
    /// assert_eq!(*settings, [3, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn leak<'a>(this: Self) -> &'a mut T
    where
        T: 'a,
    {
        // SAFETY: the slot holds a value, which was the box's alone. Its slab has a slot in use for ever, so neither it nor
        // the control block, and with it the provider, ends.
        unsafe { Self::into_slot(this).as_mut() }
    }

    /// The value's address; the box is given up, and whoever has the pointer owns the value. It may be used for reading
    /// and writing the value.
    ///
    /// ```
    /// use slab_core::{SlabBox, SlabCache};
    ///
    /// let cache = SlabCache::new()?;
    /// let raw = SlabBox::into_raw(cache.alloc(7)?);
    /// // SAFETY: the pointer is what `into_raw` gave, and is not used any more.
    /// let seven = unsafe { SlabBox::<i32>::from_raw(raw) };
    /// assert_eq!(*seven, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_raw(this: Self) -> NonNull<T> {
        Self::into_slot(this)
    }

    /// The box again.
    ///
    /// # Safety
    /// 1. `raw` is the pointer that [`into_raw`](Self::into_raw) of a box with the same `SLAB`, and with a `T` of the same
    ///    size and alignment, gave, not one made from a reference to the value. 2. No box was made of it since. 3. The
    ///    value is there, and nothing else uses it.
    pub unsafe fn from_raw(raw: NonNull<T>) -> Self {
        // SAFETY: clauses 1 and 2: the box had a slot in use of a slab of this geometry, which still is; clause 3.
        unsafe { Self::from_slot(raw) }
    }
}

impl<T, const SLAB: usize> SlabBox<MaybeUninit<T>, SLAB> {
    /// Writes the value.
    ///
    /// ```
    /// use slab_core::SlabCache;
    ///
    /// let cache = SlabCache::new()?;
    /// let slot = cache.alloc_uninit()?;
    /// let text = slot.write("in place");
    /// assert_eq!(*text, "in place");
    /// # Ok::<(), slab_core::ProvideError>(())
    /// ```
    #[inline(always)]
    pub fn write(mut self, value: T) -> SlabBox<T, SLAB> {
        MaybeUninit::write(&mut self, value);
        // SAFETY: the value was written just now.
        unsafe { self.assume_init() }
    }

    /// Says that the value was written.
    ///
    /// # Safety
    /// 1. The bytes are those of a valid `T`, which nothing else owns.
    #[inline(always)]
    pub unsafe fn assume_init(self) -> SlabBox<T, SLAB> {
        // SAFETY: `MaybeUninit<T>` has the layout of `T`, hence slabs the same geometry; clause 1 for the value.
        unsafe { SlabBox::from_slot(Self::into_slot(self).cast()) }
    }
}

impl<T, const SLAB: usize> Drop for SlabBox<T, SLAB> {
    #[inline]
    fn drop(&mut self) {
        let _free = Free::<T, SLAB>(self.slot);
        // SAFETY: the slot holds a value, which is the box's and is not used afterwards.
        unsafe { self.slot.drop_in_place() };
    }
}
