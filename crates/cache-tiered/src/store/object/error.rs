//! What can go wrong with a store of objects, and what to do about it.

use crate::codec::CodecError;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why an [`ObjectStore`](crate::ObjectStore) could not be opened.
///
/// ```
/// use cache_tiered::{ObjectStore, ObjectStoreOpenError};
///
/// let file = tempfile::NamedTempFile::new()?;
/// let refused = ObjectStore::options().folder(file.path());
/// assert!(matches!(refused, Err(ObjectStoreOpenError::Folder { .. })));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectStoreOpenError {
    /// The folder is none, or can not be made or entered.
    #[error("the folder {} can not be used: make it, or choose another", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No object can have a name with this prefix.
    #[error("the prefix {prefix:?} is none ({reason}): use names with a `/` between them")]
    Prefix {
        /// The prefix.
        prefix: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no thread for the requests.
    #[error("the system gave no thread for the requests")]
    Thread(#[source] Arc<io::Error>),
}

/// Why an [`ObjectStore`](crate::ObjectStore) could not read or write.
///
/// ```
/// use cache_tiered::{ObjectStore, ObjectStoreError};
///
/// let directory = tempfile::tempdir()?;
/// let store = ObjectStore::options().folder(directory.path())?;
/// let refused = store.path(&"long ".repeat(1_000));
/// assert!(matches!(refused, Err(ObjectStoreError::KeyTooLong { bytes: 5_000 })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectStoreError {
    /// No answer came in time.
    #[error(
        "no answer within {after:?}: look whether the service can be reached, or raise `read_timeout`"
    )]
    TimedOut {
        /// What the options say.
        after: Duration,
    },
    /// The service, or the file system, does not allow it.
    #[error("access is denied: check the credentials, and what they may do")]
    Denied(#[source] Arc<object_store::Error>),
    /// There is no room for more.
    #[error("there is no room: make some; until then writes fail and reads go on")]
    Full(#[source] Arc<object_store::Error>),
    /// A write found nothing to write to.
    #[error("there is nothing to write to: make the bucket, the container or the folder")]
    Missing(#[source] Arc<object_store::Error>),
    /// The name of the object would be longer than services take.
    #[error(
        "a key of {bytes} bytes is too long for the name of an object: use shorter keys or a shorter prefix"
    )]
    KeyTooLong {
        /// The bytes of the key.
        bytes: usize,
    },
    /// A key or value could not be turned into bytes, or bytes not into a value.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Some mutations of a batch took effect, and others did not.
    #[error("{applied} of the {len} changes of a batch took effect: repeat them all")]
    Partly {
        /// How many took effect.
        applied: usize,
        /// How many there were.
        len: usize,
        /// What became of the first that failed.
        #[source]
        source: Arc<Self>,
    },
    /// Bytes that were written could not be made durable.
    #[error("the device failed to sync: check it")]
    Unsynced(#[source] Arc<io::Error>),
    /// The client failed in another way.
    #[error("the store failed")]
    Other(#[source] Arc<object_store::Error>),
}

impl From<object_store::Error> for ObjectStoreError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as Cause;
        let full = is_full(&error);
        let denied = matches!(
            error,
            Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. }
        ) || io_kind(&error) == Some(io::ErrorKind::PermissionDenied);
        let missing = matches!(error, Cause::NotFound { .. });
        let error = Arc::new(error);
        match () {
            () if full => Self::Full(error),
            () if denied => Self::Denied(error),
            () if missing => Self::Missing(error),
            () => Self::Other(error),
        }
    }
}

/// What the system said, if it was the system.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

fn is_full(error: &object_store::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(
        io_kind(error),
        Some(StorageFull | QuotaExceeded | FileTooLarge)
    )
}

/// True if the service said that it does not do such a thing: nothing took effect, and nothing will.
pub(super) const fn is_refusal(error: &object_store::Error) -> bool {
    use object_store::Error as Cause;
    matches!(
        error,
        Cause::NotFound { .. }
            | Cause::InvalidPath { .. }
            | Cause::NotSupported { .. }
            | Cause::NotImplemented { .. }
            | Cause::PermissionDenied { .. }
            | Cause::Unauthenticated { .. }
            | Cause::AlreadyExists { .. }
            | Cause::Precondition { .. }
            | Cause::UnknownConfigurationKey { .. }
    )
}
