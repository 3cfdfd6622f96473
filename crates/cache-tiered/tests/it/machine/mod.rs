//! A machine that does random steps to a `Tiered` and holds it to G1, G3 and G4.
//!
//! ```text
//!   step --> Machine --> Tiered --> Store (fails as told, watches the order)
//!               |                     |
//!            History of each key <----+--> guarantee: assertions by name, after every step
//! ```
//!
//! The threads of the cache run beside the machine, so what a step meets is not the same each
//! time. The assertions hold at every instant whatever those threads do: they are about what was
//! acknowledged, what was read and what the store has, not about when. So the model is fed with
//! the answers that came, and is no second implementation that foretells them; a library for
//! state machines, whose model must foretell, would not fit.

mod call;
mod guarantee;
mod history;
mod letters;
mod reading;
mod reopen;
mod run;
mod step;
mod store;
mod writing;

pub(crate) use guarantee::Violation;
pub(crate) use reopen::{build, directory, image, restore};
pub(crate) use run::{Coverage, run};
pub(crate) use step::{Mode, Reopening, Settings, Step, behind, settings, step, through};
pub(crate) use store::{Fault, Lie, Store};
