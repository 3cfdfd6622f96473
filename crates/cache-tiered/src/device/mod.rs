//! The seam between what lies on a device and the device: a directory of files, or a stand-in.

#[cfg(unix)]
mod directory;
mod error;
#[cfg(any(test, fuzzing))]
#[cfg_attr(
    any(fuzzing, cache_tiered_loom),
    expect(
        dead_code,
        reason = "the models need none of its faults, a fuzz target only its files"
    )
)]
pub(crate) mod simulated;
#[cfg(all(test, unix, not(cache_tiered_loom)))]
pub(crate) mod system;

#[cfg(unix)]
pub(crate) use directory::Directory;
pub(crate) use error::DirectoryError;

use std::io;

/// A directory that is its user's alone. What it promises is what a file system does: a call
/// that returned survives the process, and the power only after a sync.
pub(crate) trait Device: Send + Sync {
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn DeviceFile>>;
    /// Makes a file that must not exist.
    fn create(&self, name: &str) -> io::Result<Box<dyn DeviceFile>>;
    /// Gives a file another name, which none has.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn delete(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and deletions durable.
    fn sync_directory(&self) -> io::Result<()>;
    /// What tells this run of the machine from others.
    fn boot(&self) -> [u8; 16];
    /// Sixteen bytes that nothing else has.
    fn uuid(&self) -> [u8; 16];
}

/// A file. Offsets are bytes.
pub(crate) trait DeviceFile: Send + Sync {
    /// Takes the exclusive lock of the file; false if somebody else has it. See [`Lock`].
    fn try_lock(&self) -> io::Result<bool>;
    /// Lets go of the lock, which a file that is only closed may keep: see [`Lock`].
    fn unlock(&self);
    fn len(&self) -> io::Result<u64>;
    /// Reads up to `out.len()` bytes; returns how many, 0 at the end.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
    /// The same, if that needs no waiting, as where the system has the bytes in memory; nothing if it would, or
    /// if that can not be told.
    #[cfg(feature = "disk")]
    fn read_at_once(&self, _offset: u64, _out: &mut [u8]) -> io::Result<Option<usize>> {
        Ok(None)
    }
    /// Writes up to `bytes.len()` bytes; returns how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Makes the file `bytes` long, with room for all of it if the file system can promise that.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// Makes what was written durable. Never called again after it has failed.
    fn sync_data(&self) -> io::Result<()>;
}

/// A file that is locked until this is dropped.
///
/// Closing it is not enough: a lock belongs to all copies of a descriptor, and a process that is just
/// being started has copies of all that its parent has open. Whoever opens the directory next would
/// find it locked for that moment.
pub(crate) struct Lock(Box<dyn DeviceFile>);

impl Lock {
    /// Locks the file; none if somebody else has it.
    pub(crate) fn take(file: Box<dyn DeviceFile>) -> io::Result<Option<Self>> {
        Ok(file.try_lock()?.then_some(Self(file)))
    }

    pub(crate) fn file(&self) -> &dyn DeviceFile {
        &*self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// Reads as many bytes as there are, up to `out.len()`.
pub(crate) fn read_full(file: &dyn DeviceFile, offset: u64, out: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        match file.read_at(offset + done as u64, &mut out[done..]) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes`: a short write goes on where it stopped.
pub(crate) fn write_full(file: &dyn DeviceFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(offset + done as u64, &bytes[done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// True if the device has no room, rather than being broken.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
    matches!(
        error.kind(),
        StorageFull | QuotaExceeded | FileTooLarge | WriteZero
    )
}
