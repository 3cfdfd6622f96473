//! Write-behind: G4 by name, over a store that fails by plan and a clock that stands still.

mod failing;
mod faulty;
mod reading;
mod room;
mod writing;
