//! Admission: what may take the place of what.

mod doorkeeper;
pub(crate) mod gate;
pub(crate) mod tiny_lfu;
