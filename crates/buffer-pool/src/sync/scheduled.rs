//! The primitives of a scenario: shuttle's, whose scheduler chooses at each of them which thread goes on.
//!
//! Memory is sequentially consistent here, whatever ordering is asked for: weak orderings are loom's business.

#![expect(
    clippy::disallowed_types,
    reason = "part of the seam; what shuttle does not follow stays real"
)]

use std::any::Any;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use atomic::{AtomicUsize, Ordering};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{AccessError, LocalKey};

#[cfg(test)]
pub(crate) use shuttle::thread;
pub(crate) use shuttle::thread::yield_now;

/// Atomics and their orderings.
pub(crate) mod atomic {
    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
}

/// std's `Arc`: that it counts right is not ours to test.
#[derive(Debug)]
pub(crate) struct Arc<T>(std::sync::Arc<T>);

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Arc::new(value))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(std::sync::Arc::clone(&self.0))
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A mutex without poisoning.
#[derive(Debug)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

/// The mutex is locked until this is dropped.
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    inner: shuttle::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            mutex: self,
            inner: self.0.lock().expect("the scenario failed before"),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// A condition that threads wait for. No clock goes in a scenario: a deadline comes after a random number of turns of the
/// other threads, and those that find nothing else to do end it.
#[derive(Debug)]
pub(crate) struct Condvar {
    condition: shuttle::sync::Condvar,
    /// How often it was notified, for those who have a deadline.
    notified: AtomicUsize,
}

/// The most turns until a deadline comes. About as many as a few calls of another thread take.
const TURNS_MAX: u32 = 40;

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self {
            condition: shuttle::sync::Condvar::new(),
            notified: AtomicUsize::new(0),
        }
    }

    /// Unlocks, waits for a notification, and locks again; `false` when `deadline` came first.
    pub(crate) fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool) {
        let MutexGuard { mutex, inner } = guard;
        if deadline.is_none() {
            let inner = self.condition.wait(inner);
            let inner = inner.expect("the scenario failed before");
            return (MutexGuard { mutex, inner }, true);
        }
        let before = self.notified.load(Ordering::SeqCst);
        drop(inner);
        for _ in 0..thread_rng().gen_range(0..=TURNS_MAX) {
            yield_now();
            if self.notified.load(Ordering::SeqCst) != before {
                return (mutex.lock(), true);
            }
        }
        (mutex.lock(), false)
    }

    pub(crate) fn notify_one(&self) {
        self.notified.fetch_add(1, Ordering::SeqCst);
        self.condition.notify_one();
    }
}

/// A cell whose accesses take a turn each: two at once, one of them a write, fail the scenario.
#[derive(Debug)]
pub(crate) struct TrackedCell<T> {
    /// Threads that are reading, or `WRITTEN`. Not atomic: all threads of a scenario are one thread.
    visitors: Cell<usize>,
    value: UnsafeCell<T>,
}

const WRITTEN: usize = usize::MAX;

impl<T> TrackedCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            visitors: Cell::new(0),
            value: UnsafeCell::new(value),
        }
    }

    pub(crate) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        let visitors = self.visitors.get();
        assert_ne!(visitors, WRITTEN, "{OVERLAP}");
        self.visitors.set(visitors + 1);
        turn();
        let outcome = access(self.value.get());
        self.visitors.set(self.visitors.get() - 1);
        outcome
    }

    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        assert_eq!(self.visitors.get(), 0, "{OVERLAP}");
        self.visitors.set(WRITTEN);
        turn();
        let outcome = access(self.value.get());
        self.visitors.set(0);
        outcome
    }
}

/// What a scenario fails with when two threads are at one cell.
const OVERLAP: &str = "two accesses to a cell overlap";

/// Lets others go on, without a sign that this thread waits for them.
fn turn() {
    shuttle::thread::sleep(Duration::ZERO);
}

/// `std::thread_local!` with constant values.
macro_rules! local {
    ($($(#[$meta:meta])* $visibility:vis static $name:ident: $kind:ty = const { $value:expr };)+) => {
        $($(#[$meta])* $visibility static $name: $crate::sync::Local<$kind> =
            $crate::sync::Local::new(|| $value);)+
    };
}
pub(crate) use local;

/// A thread-local. One without a destructor stays where it is until the scenario ends, as std's does until its thread is
/// gone: shuttle would free it first of all, and give its address to another thread.
pub(crate) struct Local<T: 'static> {
    with_destructor: LocalKey<T>,
}

impl<T: 'static> Local<T> {
    pub(crate) const fn new(init: fn() -> T) -> Self {
        let with_destructor = LocalKey {
            init,
            _p: PhantomData,
        };
        Self { with_destructor }
    }

    pub(crate) fn try_with<R>(
        &'static self,
        access: impl FnOnce(&T) -> R,
    ) -> Result<R, AccessError> {
        if needs_drop::<T>() {
            return self.with_destructor.try_with(access);
        }
        let place = (std::ptr::from_ref(self).addr(), home());
        let value = LASTING.with_borrow_mut(|lasting| {
            let make = || Box::new((self.with_destructor.init)()) as Box<dyn Any>;
            let value = lasting.entry(place).or_insert_with(make);
            std::ptr::from_ref(value.downcast_ref::<T>().expect("a place has one type"))
        });
        // SAFETY: the value has a box of its own, which stays until the next scenario begins, when no thread of this one
        // is left. It is never borrowed mutably.
        Ok(access(unsafe { &*value }))
    }
}

std::thread_local! {
    /// Values of `Local`s without a destructor, by the key's address and the thread's number.
    static LASTING: RefCell<BTreeMap<(usize, usize), Box<dyn Any>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Forgets what the scenario before has left.
#[cfg(test)]
pub(crate) fn begin() {
    LASTING.take();
}

/// The number of this thread: in a scenario its first one has 0, and each other the next.
pub(crate) fn home() -> usize {
    shuttle::thread::current().id().into()
}
