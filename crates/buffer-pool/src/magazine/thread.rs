//! What a thread has of the pools that it uses: where it finds its racks, and what becomes of them when it ends.
//!
//! Two thread-locals. `TABLE` is what the hit path reads: constant, without a destructor, so that a look costs no check
//! for its state and works while the thread ends. `RACKS` owns the racks, and its destructor gives them up. It empties
//! the table first; a release after that finds nothing there, cannot reach `RACKS`, and uses the depot.

use core::cell::{Cell, RefCell};
use core::ptr::{self, NonNull};

use super::Magazine;
use super::rack::{Rack, RackPointer};
use crate::block::Block;
use crate::pool_core::Core;
#[cfg(not(buffer_pool_loom))]
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Tally, local};

/// Places in a thread's table, a power of two. Pools whose numbers differ by a multiple of it take turns in one.
const PLACES: usize = 16;

struct Table {
    places: [Place; PLACES],
    /// The thread's number; 0 before it is asked for.
    thread: Cell<u64>,
}

/// The rack of one pool, where the hit path finds it.
struct Place {
    /// The pool's number; 0, which no pool has, for none.
    number: Cell<u64>,
    magazines: Cell<*const Magazine>,
    rack: Cell<*const Rack>,
}

/// The racks of a thread, in no order.
struct Racks {
    racks: RefCell<Vec<NonNull<Rack>>>,
    /// `CLOSINGS` when the racks of closed pools were last looked for.
    swept: Cell<Closings>,
}

local! {
    static TABLE: Table = const { Table::new() };
    static RACKS: Racks = const { Racks::new() };
}

#[cfg(not(buffer_pool_loom))]
type Closings = usize;
#[cfg(buffer_pool_loom)]
type Closings = u64;

/// How often a pool was closed: when it changes, a thread looks whether a rack of its own is among theirs. Added to after
/// the pool is marked as closed (Release), read before that mark is (Acquire): who sees the count sees the mark.
#[cfg(not(buffer_pool_loom))]
static CLOSINGS: AtomicUsize = AtomicUsize::new(0);
#[cfg(buffer_pool_loom)]
std::thread_local! {
    /// Of one model, all threads of which loom runs on one: models that run at once must not change each other's course.
    /// It orders nothing there: a thread may sweep in vain, as one does that comes before `close`.
    static CLOSINGS: Tally = const { Tally::new(0) };
}

/// A thread, by a number that no other has or had. Not by where its locals are: they may be gone before its racks are, and
/// another thread's in their place.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) struct Thread(u64);

impl Thread {
    /// `None` while the thread ends, where its table is gone by then.
    pub(super) fn current() -> Option<Self> {
        /// The number of the next thread.
        static NEXT: Tally = Tally::new(1);
        let number = |table: &Table| {
            if table.thread.get() == 0 {
                table.thread.set(NEXT.next());
            }
            Self(table.thread.get())
        };
        TABLE.try_with(number).ok()
    }
}

impl Place {
    const fn new() -> Self {
        Self {
            number: Cell::new(0),
            magazines: Cell::new(ptr::null()),
            rack: Cell::new(ptr::null()),
        }
    }
}

impl Table {
    const fn new() -> Self {
        Self {
            places: [const { Place::new() }; PLACES],
            thread: Cell::new(0),
        }
    }

    #[inline(always)]
    fn place(&self, number: u64) -> &Place {
        &self.places[number as usize % PLACES]
    }

    fn enter(&self, rack: NonNull<Rack>) {
        // SAFETY: the thread's own rack, which it has not freed.
        let (number, magazines) = unsafe { (rack.as_ref().number(), rack.as_ref().magazines()) };
        let place = self.place(number);
        place.number.set(number);
        place.magazines.set(magazines);
        place.rack.set(rack.as_ptr());
    }

    fn remove(&self, number: u64) {
        let place = self.place(number);
        if place.number.get() == number {
            place.number.set(0);
        }
    }
}

/// The calling thread's magazine of a class of the pool with this number, if the table has it. Only the thread itself
/// frees it: at its end, or when it finds the pool closed, never in a hit.
#[inline(always)]
pub(crate) fn magazine(number: u64, class: usize) -> Option<*const Magazine> {
    let find = |table: &Table| {
        let place = table.place(number);
        // A magazine a class, so `class` is within them.
        (place.number.get() == number).then(|| place.magazines.get().wrapping_add(class))
    };
    TABLE.try_with(find).ok().flatten()
}

/// The calling thread's rack of the pool with this number, if the table has it; valid as that of `rack_of`.
#[inline(always)]
pub(crate) fn rack(number: u64) -> Option<NonNull<Rack>> {
    let find = |table: &Table| {
        let place = table.place(number);
        match place.number.get() == number {
            true => NonNull::new(place.rack.get().cast_mut()),
            false => None,
        }
    };
    TABLE.try_with(find).ok().flatten()
}

/// The calling thread's rack of `core`, made if need be. `None` while the thread ends, or when the pool is closed. It
/// stays valid until foreign code runs: the provider, or another destructor, may close the pool on this thread.
#[inline]
pub(crate) fn rack_of(core: &Arc<Core>) -> Option<NonNull<Rack>> {
    rack(core.number()).or_else(|| seek(core))
}

/// The rack that the table has no place for, or has not yet.
#[cold]
fn seek(core: &Arc<Core>) -> Option<NonNull<Rack>> {
    sweep();
    // It would only be made to be given up.
    if core.is_closed() {
        return None;
    }
    let found = RACKS.try_with(|racks| {
        // Borrowed already: the global allocator itself uses a pool.
        let mut racks = racks.racks.try_borrow_mut().ok()?;
        racks.reserve(1);
        // SAFETY: the thread's own racks, none of which it has freed.
        let is_of = |rack: &&NonNull<Rack>| unsafe { rack.as_ref() }.number() == core.number();
        Some(racks.iter().find(is_of).copied())
    });
    let rack = match found.ok().flatten()? {
        Some(rack) => rack,
        None => make(core)?,
    };
    TABLE.try_with(|table| table.enter(rack)).ok()?;
    Some(rack)
}

/// A new rack, registered with the pool and the thread.
fn make(core: &Arc<Core>) -> Option<NonNull<Rack>> {
    let rack = NonNull::from(Box::leak(Box::new(Rack::new(core))));
    let registered = core.register(RackPointer(rack));
    let kept = registered
        && RACKS
            .try_with(|racks| match racks.racks.try_borrow_mut() {
                Ok(mut racks) => {
                    racks.push(rack);
                    true
                }
                Err(_) => false,
            })
            .unwrap_or(false);
    if !kept {
        // SAFETY: made above, and known to nobody but the register, if at all.
        unsafe { give_up(rack, registered) };
        return None;
    }
    Some(rack)
}

/// The calling thread's rack of the pool with this number, if it has one; valid as that of `rack_of`.
pub(crate) fn own_rack(number: u64) -> Option<NonNull<Rack>> {
    let find = |racks: &Racks| {
        let racks = racks.racks.try_borrow().ok()?;
        // SAFETY: the thread's own racks, none of which it has freed.
        let is_of = |rack: &&NonNull<Rack>| unsafe { rack.as_ref() }.number() == number;
        racks.iter().find(is_of).copied()
    };
    RACKS.try_with(find).ok().flatten()
}

/// Gives up the calling thread's rack of the pool with this number, if it has one.
pub(crate) fn retire(number: u64) {
    retire_where(|rack| rack.number() == number);
}

/// Notes that a pool was closed: the other threads are to look for its racks.
pub(crate) fn note_closing() {
    #[cfg(not(buffer_pool_loom))]
    // Release: pairs with the Acquire of `sweep`.
    CLOSINGS.fetch_add(1, Ordering::Release);
    #[cfg(buffer_pool_loom)]
    CLOSINGS.with(|closings| closings.add(1));
}

/// Gives up the calling thread's racks of pools that were closed, if any was since the last look.
#[inline]
pub(crate) fn sweep() {
    #[cfg(not(buffer_pool_loom))]
    // Acquire: pairs with the Release of `note_closing`.
    let now = CLOSINGS.load(Ordering::Acquire);
    #[cfg(buffer_pool_loom)]
    let now = CLOSINGS.with(Tally::value);
    let changed = RACKS.try_with(|racks| racks.swept.replace(now) != now);
    if changed.unwrap_or(false) {
        retire_where(|rack| rack.core().is_closed());
    }
}

#[cold]
fn retire_where(unwanted: impl Fn(&Rack) -> bool) {
    // Ends: each turn gives a rack up. One at a time, as foreign code runs in between.
    loop {
        let found = RACKS.try_with(|racks| {
            let mut racks = racks.racks.try_borrow_mut().ok()?;
            // SAFETY: the thread's own racks, none of which it has freed.
            let at = racks
                .iter()
                .position(|rack| unwanted(unsafe { rack.as_ref() }))?;
            Some(racks.swap_remove(at))
        });
        let Some(rack) = found.ok().flatten() else {
            return;
        };
        // SAFETY: the thread's own, off its list now.
        unsafe {
            let number = rack.as_ref().number();
            // An error means that the table is gone, and nothing finds the rack.
            let _ = TABLE.try_with(|table| table.remove(number));
            give_up(rack, true);
        }
    }
}

/// Empties a rack, takes it off the register, and frees it.
///
/// # Safety
/// 1. It is the calling thread's, and neither in its table nor on its list, so that nothing is put into it any more.
///    2. It is on its pool's register if `registered`.
unsafe fn give_up(rack: NonNull<Rack>, registered: bool) {
    let mut refused: Vec<Block> = Vec::new();
    // SAFETY: clause 1, here and below. After the register has let go of it nobody else knows it.
    unsafe {
        // Still registered: who looks for idle blocks finds them here or in the depot.
        rack.as_ref().clear(&mut refused);
        if registered {
            rack.as_ref().core().unregister(RackPointer(rack));
        }
        // A block of the pool, or this count, keeps the core until all are gone.
        let core = Arc::clone(rack.as_ref().core());
        drop(Box::from_raw(rack.as_ptr()));
        core.destroy_idle(&mut refused);
    }
}

impl Racks {
    const fn new() -> Self {
        Self {
            racks: RefCell::new(Vec::new()),
            swept: Cell::new(0),
        }
    }
}

impl Drop for Racks {
    fn drop(&mut self) {
        let racks = core::mem::take(self.racks.get_mut());
        // An error means that the table is gone already.
        let _ = TABLE.try_with(|table| table.places.iter().for_each(|place| place.number.set(0)));
        for rack in racks {
            // SAFETY: the thread's own, found by nothing any more.
            unsafe { give_up(rack, true) };
        }
    }
}

/// What the end of the thread does. loom ends a thread before its locals.
#[cfg(all(test, buffer_pool_loom))]
pub(crate) fn leave() {
    retire_where(|_| true);
}
