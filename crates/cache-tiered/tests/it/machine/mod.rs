//! A machine that does random steps to a `Tiered` and holds it to G1, G3 and G4.
//!
//! ```text
//!   step --> Machine --> Tiered --> Store (fails as told, watches the order)
//!               |                     |
//!            History of each key <----+--> guarantee: assertions by name, after every step
//! ```
//!
//! The clock stands but when a step moves it, and between two steps the machine waits until the
//! cache is at rest: no task is queued, no thread moves but those that the store holds. So what is
//! asserted is about one state, and what was going on is known: writes that the store holds, and
//! writes that wait for the time, for room or for another write of their key, and reads of which the
//! store holds the load.
//!
//! Within a step the threads of the cache run side by side, so what it meets is not quite the same
//! each time: which of two keys is brought to the store first, for one. So the model is fed with
//! the answers that came, and is no second implementation that foretells them; a library for
//! state machines, whose model must foretell, would not fit.

mod call;
mod fault;
mod guarantee;
mod history;
mod letters;
mod race;
mod reading;
mod reopen;
mod rest;
mod run;
mod step;
mod store;
mod writing;

pub(crate) use fault::Fault;
pub(crate) use guarantee::Violation;
pub(crate) use race::steps;
pub(crate) use reopen::{build, directory, image, restore};
pub(crate) use run::{Coverage, run};
pub(crate) use step::{Mode, Reopening, Settings, Step, behind, settings, through};
pub(crate) use store::{Lie, Store};
