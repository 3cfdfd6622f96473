//! The errors of the caches, one file for each operation. Rejected values come back in them.

mod flush;
mod journal;
mod load;
mod put;
mod remove;
mod settings;
mod store;

pub use self::flush::FlushError;
pub use self::journal::{JournalError, JournalErrorKind};
pub use self::load::LoadError;
pub use self::put::PutError;
pub use self::remove::RemoveError;
pub use self::settings::{BuildError, ResizeError};
pub use self::store::StoreError;

const CLOSED: &str = "the cache is closed: open it again";
pub(crate) const BUSY: &str = "an earlier write of the key has not ended: try again later";
const BACKPRESSURE: &str =
    "too much is dirty, or the journal is full: try again when the store has taken some";
