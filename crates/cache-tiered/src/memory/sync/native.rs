//! The primitives of a normal build.

pub(in crate::memory) use event_listener::{Event, Listener};
pub(in crate::memory) use parking_lot::{Mutex, MutexGuard};
pub(in crate::memory) use std::sync::OnceLock;
pub(in crate::memory) use std::sync::atomic::AtomicBool;
