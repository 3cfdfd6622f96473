//! Directories for the files of a race, and what they lie on.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A new directory in the system's place for temporary files (`TMPDIR`), removed when dropped.
///
/// # Panics
/// Where none can be made.
pub(super) fn temporary() -> TempDir {
    let made = tempfile::Builder::new().prefix("strata-race-").tempdir();
    made.expect("a temporary directory: name one that can be written to in TMPDIR")
}

/// The file system and the device under the temporary directory, such as `ext4 on /dev/vda`; with a warning where it is memory.
pub(super) fn described() -> String {
    let directory = std::env::temp_dir();
    let directory = fs::canonicalize(&directory).unwrap_or(directory);
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    match under(&mounts, &directory) {
        None => format!("{}, on what this system does not tell", directory.display()),
        Some((kind @ ("tmpfs" | "ramfs"), _)) => format!(
            "{}, on {kind}, which is MEMORY: a sync costs nothing there, so name a directory on a disk in TMPDIR",
            directory.display()
        ),
        Some((kind, device)) => format!("{}, on {kind} on {device}", directory.display()),
    }
}

/// Kind and device of the mount that holds `directory`: the longest mount point above it, of those the last.
fn under<'a>(mounts: &'a str, directory: &Path) -> Option<(&'a str, &'a str)> {
    let lines = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (device, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        let is_above = directory.starts_with(point);
        is_above.then_some((point.len(), (kind, device)))
    });
    lines
        .max_by_key(|(length, _)| *length)
        .map(|(_, mount)| mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /quick tmpfs rw 0 0\n/dev/vdb /quick/disk xfs rw 0 0\n";
        let of = |directory: &str| under(mounts, Path::new(directory));
        assert_eq!(of("/var/tmp"), Some(("ext4", "/dev/vda")));
        assert_eq!(of("/quick/a"), Some(("tmpfs", "tmpfs")));
        assert_eq!(of("/quick/disk/a"), Some(("xfs", "/dev/vdb")));
        assert_eq!(of("/quicker"), Some(("ext4", "/dev/vda")));
        assert_eq!(under("", Path::new("/")), None);
    }
}
