//! The device that is a directory of the file system.

use super::{Device, DeviceFile, DirectoryError};
use crate::random_id::random_id;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat};
#[cfg(all(feature = "disk", any(target_os = "linux", target_os = "android")))]
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// A directory of this process's user that no other user may change.
pub(crate) struct Directory {
    /// All names are looked up in it, not by its path.
    handle: File,
    boot: [u8; 16],
}

impl Directory {
    /// Opens the directory, or makes it (mode 0700).
    pub(crate) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let owner = rustix::process::geteuid().as_raw();
        let found = match path.symlink_metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().mode(0o700).create(path)?;
                sync_parent(path)?;
                path.symlink_metadata()?
            }
            Err(error) => return Err(error.into()),
        };
        let path = path.to_owned();
        if found.is_symlink() {
            return Err(DirectoryError::Symlink { path });
        }
        if !found.is_dir() {
            return Err(DirectoryError::NotADirectory { path });
        }
        // What was looked at is what is opened.
        let flags = OFlags::NOFOLLOW | OFlags::DIRECTORY;
        let handle = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits() as i32)
            .open(&path)?;
        let found = handle.metadata()?;
        if found.uid() != owner {
            let owner = found.uid();
            return Err(DirectoryError::ForeignOwner { path, owner });
        }
        let mode = found.mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(DirectoryError::OpenToOthers { path, mode });
        }
        Ok(Self {
            handle,
            boot: boot(),
        })
    }

    /// The same in another run of the machine.
    #[cfg(all(test, feature = "disk"))]
    pub(crate) fn at_boot(self, boot: u64) -> Self {
        let boot = (u128::from_le_bytes(self.boot) ^ u128::from(boot)).to_le_bytes();
        Self { boot, ..self }
    }

    /// Opens a file of this very directory, whatever its path leads to by now.
    fn file(&self, name: &str, flags: OFlags) -> io::Result<Box<dyn DeviceFile>> {
        let flags = flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?;
        let file = File::from(file);
        let found = file.metadata()?;
        if !found.is_file() || found.uid() != self.handle.metadata()?.uid() {
            let reason = format!("{name} is not a file of the directory's owner");
            return Err(io::Error::other(reason));
        }
        Ok(Box::new(file))
    }
}

impl Device for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DeviceFile>> {
        self.file(name, OFlags::empty())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DeviceFile>> {
        self.file(name, OFlags::CREATE | OFlags::EXCL)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn boot(&self) -> [u8; 16] {
        self.boot
    }

    fn uuid(&self) -> [u8; 16] {
        random_id()
    }
}

impl DeviceFile for File {
    fn try_lock(&self) -> io::Result<bool> {
        match File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) {
        // The file is closed next, which does the same in most cases.
        let _closed = File::unlock(self);
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, out, offset)
    }

    #[cfg(all(feature = "disk", any(target_os = "linux", target_os = "android")))]
    fn read_at_once(&self, offset: u64, out: &mut [u8]) -> io::Result<Option<usize>> {
        let out = &mut [io::IoSliceMut::new(out)];
        match preadv2(self, out, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            // The last: not every file system can tell.
            Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        loop {
            match rustix::fs::fallocate(self, rustix::fs::FallocateFlags::empty(), 0, bytes) {
                Ok(()) => break,
                // A signal came, for which large files give time.
                Err(rustix::io::Errno::INTR) => {}
                // The file system has no such call: the room is taken as it is written.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }
}

/// Makes the entry of a new directory durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| parent != &Path::new(""));
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// The kernel's name for this run of the machine; zeros where it gives none, so that every damage
/// counts as damage.
fn boot() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
}
