//! The redb store: files as users meet them, and a medium that fails as it is told.

mod faults;
mod files;
mod medium;
