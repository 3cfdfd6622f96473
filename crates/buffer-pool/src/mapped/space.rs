//! `Space`: the calls of the kernel, and what was mapped by them.

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

use rustix::io;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::param::page_size;
use slab_core::ProvideError;

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, Tally};

/// Whether pages can be given back while they stay mapped, and then are zero.
pub(super) const PURGES: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How many ranges were to be unmapped, by all providers. What one thread unmaps another may map, at once and at the
/// same place: the kernel orders the two, but race detectors do not see the kernel. So it is written before unmapping
/// (Release) and read after mapping (Acquire); the value means nothing.
static UNMAPPINGS: AtomicUsize = AtomicUsize::new(0);

/// A range that the kernel did not take back.
struct Stray {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: an address range that nobody uses, bound to no thread.
unsafe impl Send for Stray {}

/// The address space that one provider has.
pub(super) struct Space {
    /// Bytes mapped and not unmapped.
    mapped: Tally,
    /// What the kernel refused to unmap: it does where that would cut a mapping in two and a process may not have that
    /// many. Tried again by `sweep`.
    strays: Mutex<Vec<Stray>>,
}

impl Space {
    pub(super) fn new() -> Self {
        Self {
            mapped: Tally::new(0),
            strays: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn mapped(&self) -> u64 {
        self.mapped.value()
    }

    /// Maps `len` bytes, zero and private, at a multiple of `align`; `len` is a multiple of the page.
    pub(super) fn map(&self, len: usize, align: usize) -> Result<NonNull<u8>, ProvideError> {
        let start = self.map_somewhere(len)?;
        if start.addr().get().is_multiple_of(align) {
            return Ok(start);
        }
        // The kernel aligns to a page, and likes to place a mapping next to the one before, so that for one chunk after
        // another the short way does. Else map more, and give the ends back.
        // SAFETY: mapped just now, and nobody knows it.
        unsafe { self.dispose(start, len) };
        let slack = align - page_size();
        let whole = len.checked_add(slack).ok_or(ProvideError::TooLarge)?;
        let start = self.map_somewhere(whole)?;
        let front = start.addr().get().wrapping_neg() & (align - 1);
        // SAFETY: `start` is a multiple of a page, so `front` is at most `slack`: it and what follows the block are
        // whole pages of the mapping, and nobody knows them.
        unsafe {
            let block = start.add(front);
            self.dispose(start, front);
            self.dispose(block.add(len), slack - front);
            Ok(block)
        }
    }

    fn map_somewhere(&self, len: usize) -> Result<NonNull<u8>, ProvideError> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses the place, so nothing is mapped over.
        let mapped = admit()
            .and_then(|()| unsafe { mmap_anonymous(null_mut(), len, access, MapFlags::PRIVATE) });
        let start = mapped.ok().and_then(|start| NonNull::new(start.cast()));
        let start = start.ok_or(ProvideError::Exhausted)?;
        // Pairs with `unmap`.
        UNMAPPINGS.load(Ordering::Acquire);
        self.mapped.add(len as u64);
        Ok(start)
    }

    /// Unmaps a range; `false` if the kernel refused.
    ///
    /// # Safety
    /// 1. The range is mapped by `self`, in whole pages, and nobody uses it any more.
    pub(super) unsafe fn unmap(&self, start: NonNull<u8>, len: usize) -> bool {
        // Pairs with `map_somewhere`.
        UNMAPPINGS.fetch_add(1, Ordering::Release);
        // SAFETY: clause 1.
        let unmapped = admit().and_then(|()| unsafe { munmap(pointer(start), len) });
        if unmapped.is_ok() {
            self.mapped.subtract(len as u64);
        }
        unmapped.is_ok()
    }

    /// Unmaps a range, now or later.
    ///
    /// # Safety
    /// 1. As for `unmap`.
    pub(super) unsafe fn dispose(&self, start: NonNull<u8>, len: usize) {
        // SAFETY: clause 1.
        if len == 0 || unsafe { self.unmap(start, len) } {
            return;
        }
        // SAFETY: clause 1. The memory goes back at least, if not the addresses.
        unsafe { purge(start, len) };
        let mut strays = self.strays.lock();
        // Without memory for the note the addresses are lost; `mapped` still counts them.
        if strays.try_reserve(1).is_ok() {
            strays.push(Stray { start, len });
        }
    }

    /// Tries once more to unmap what the kernel refused to.
    pub(super) fn sweep(&self) {
        let mut tries = self.strays.lock().len();
        while tries > 0 {
            tries -= 1;
            let stray = self.strays.lock().pop();
            let Some(stray) = stray else { return };
            // SAFETY: what was handed to `dispose`, and is on the list no more.
            unsafe { self.dispose(stray.start, stray.len) };
        }
    }
}

fn pointer(start: NonNull<u8>) -> *mut c_void {
    start.as_ptr().cast()
}

/// Gives the memory of a range back, so that it is zero; `false` if that did not come about.
///
/// # Safety
/// 1. The range is mapped by a `Space`, in whole pages, and nobody uses what it holds.
pub(super) unsafe fn purge(start: NonNull<u8>, len: usize) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::mm::{Advice, madvise};
        // SAFETY: clause 1.
        let purged =
            admit().and_then(|()| unsafe { madvise(pointer(start), len, Advice::LinuxDontNeed) });
        // Refused for memory that the process has locked.
        purged.is_ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (start, len);
        false
    }
}

/// Asks for huge pages in a range, or for none. Only advice: a kernel without them refuses.
///
/// # Safety
/// 1. The range is mapped by a `Space`, in whole pages.
pub(super) unsafe fn advise(start: NonNull<u8>, len: usize, huge: bool) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::mm::{Advice, madvise};
        let advice = if huge {
            Advice::LinuxHugepage
        } else {
            Advice::LinuxNoHugepage
        };
        // SAFETY: clause 1; the advice does not change what the pages hold.
        let _refused = admit().and_then(|()| unsafe { madvise(pointer(start), len, advice) });
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (start, len, huge);
}

/// Puts memory behind a fresh range, which stays zero.
///
/// # Safety
/// 1. The range was mapped by a `Space` just now, in whole pages, and nobody else knows it.
pub(super) unsafe fn populate(start: NonNull<u8>, len: usize) -> Result<(), ProvideError> {
    admit().map_err(|_| ProvideError::Exhausted)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::mm::{Advice, madvise};
        // SAFETY: clause 1.
        match unsafe { madvise(pointer(start), len, Advice::LinuxPopulateWrite) } {
            Ok(()) => return Ok(()),
            // Before Linux 5.14.
            Err(io::Errno::INVAL) => {}
            Err(_) => return Err(ProvideError::Exhausted),
        }
    }
    for at in (0..len).step_by(page_size()) {
        // SAFETY: clause 1: inside of the range, and the byte is zero already.
        unsafe { start.add(at).write_volatile(0) };
    }
    Ok(())
}

#[cfg(test)]
use refusal::admit;
#[cfg(test)]
pub(super) use refusal::{Refusals, refuse};

/// Whether a call may reach the kernel.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests refuse")]
fn admit() -> io::Result<()> {
    Ok(())
}

/// A kernel that refuses on schedule.
#[cfg(test)]
mod refusal {
    use std::cell::Cell;

    use rustix::io;

    use crate::sync::local;

    /// Which calls of this thread are refused; they count from 0.
    #[derive(Copy, Clone, Debug)]
    pub(crate) enum Refusals {
        None,
        At(usize),
        Since(usize),
    }

    local! {
        static STATE: Cell<(Refusals, usize)> = const { Cell::new((Refusals::None, 0)) };
    }

    /// Begins a schedule for this thread; returns how many calls there were in the one before.
    pub(crate) fn refuse(refusals: Refusals) -> usize {
        STATE.with(|state| state.replace((refusals, 0)).1)
    }

    pub(super) fn admit() -> io::Result<()> {
        STATE.with(|state| {
            let (refusals, call) = state.get();
            state.set((refusals, call + 1));
            let refused = match refusals {
                Refusals::None => false,
                Refusals::At(at) => call == at,
                Refusals::Since(first) => call >= first,
            };
            if refused {
                Err(io::Errno::NOMEM)
            } else {
                Ok(())
            }
        })
    }
}
