//! Reports: one HTML file that needs nothing else, neither network nor scripts, with charts as inline SVG.
//!
//! A [`Page`] holds facts, charts and tables; [`ReportFile`] puts it where it was wanted, whole or not at all. Colours follow the
//! reader's choice of light or dark.

mod chart;
mod file;
mod lanes;
mod machine;
mod page;
mod plot;
mod scale;

pub use chart::{Chart, Series};
pub use file::{ReportFile, ReportFileError};
pub use lanes::Lanes;
pub use machine::{command_line, date, machine};
pub use page::{Cell, Page};
pub use scale::{Unit, ratio_ticks};

pub use crate::whole_file::WholeFileError;
