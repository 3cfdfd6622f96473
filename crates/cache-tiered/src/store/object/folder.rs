//! A folder of files, and what its client leaves to others: deletions that last, and a flush.

use super::error::{ObjectStoreError, ObjectStoreOpenError};
use object_store::ObjectStore as Client;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use std::fs::{self, File};
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// The files of a store.
pub(super) struct Folder {
    files: Arc<LocalFileSystem>,
    root: PathBuf,
    /// What was acknowledged survives a loss of power.
    pub(super) durable: bool,
}

impl Folder {
    pub(super) fn open(path: &FilePath, durable: bool) -> Result<Self, ObjectStoreOpenError> {
        let refused = |source| ObjectStoreOpenError::Folder {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(|error| refused(Arc::new(error)))?;
        let root = path
            .canonicalize()
            .map_err(|error| refused(Arc::new(error)))?;
        if durable {
            let above = root.parent().map_or(Ok(()), sync_directory);
            above.map_err(|error| refused(Arc::new(error)))?;
        }
        let files = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| refused(Arc::new(error)))?
            .with_fsync(durable);
        Ok(Self {
            files: Arc::new(files),
            root,
            durable,
        })
    }

    pub(super) fn client(&self) -> Arc<dyn Client> {
        Arc::<LocalFileSystem>::clone(&self.files)
    }

    /// Makes a deletion durable, which the client does only for what it writes.
    pub(super) async fn sync_deletion(&self, path: &Path) -> Result<(), ObjectStoreError> {
        let file = self.files.path_to_filesystem(path)?;
        blocking(move || file.parent().map_or(Ok(()), sync_directory)).await
    }

    /// Makes all that was written so far durable.
    pub(super) async fn flush(&self) -> Result<(), ObjectStoreError> {
        if self.durable {
            return Ok(());
        }
        let root = self.root.clone();
        blocking(move || sync_all(&root)).await
    }
}

async fn blocking(
    sync: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<(), ObjectStoreError> {
    super::write::joined(spawn_blocking(sync).await)
        .map_err(|error| ObjectStoreError::Unsynced(Arc::new(error)))
}

/// Systems without directories that can be synced keep what they were told.
fn sync_directory(path: &FilePath) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn sync_all(root: &FilePath) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(root)?)?)
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn sync_all(_root: &FilePath) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(not(unix))]
fn sync_all(_root: &FilePath) -> io::Result<()> {
    let reason = "no sync of a whole folder here: open it with the durability `Power`";
    Err(io::Error::new(io::ErrorKind::Unsupported, reason))
}
