//! Losses of power: an ext4 file system of its own that is shut down, and forgets what was not synced.

use super::{attempt, told};
use crate::figures::tell;
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// How many losses there are to be, and how many there are where nobody says: if that is allowed, as it takes root
/// and mounts a file system.
const LOSSES_VARIABLE: &str = "STRATA_CRASH_POWER";
const LOSSES: u64 = 100;

/// Shuts a file system down at once, without its log (EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH).
const SHUTDOWN: &str = "open(F, '<', $ARGV[0]) or die $!; my $how = pack('L', 2); ioctl(F, 0x8004587d, $how) or die $!";

/// The error is what the program says, or that there is none.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = attempt(Command::new(program).args(arguments));
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", words.trim()))
}

/// A file system in a file, mounted.
pub(crate) struct FileSystem {
    parent: tempfile::TempDir,
}

impl FileSystem {
    /// A file system, and how often it is to lose power. None, and says so, where nobody wants that or it is not allowed.
    pub(crate) fn to_lose() -> Option<(Self, u64)> {
        let losses = told(LOSSES_VARIABLE).unwrap_or(LOSSES);
        if losses == 0 {
            tell(
                "NO POWER IS LOST: nobody asked for it; `cargo xtask crash --power` does, as root",
            );
            return None;
        }
        match Self::new() {
            Ok(system) => Some((system, losses)),
            // Who asks for it by name is not to be put off.
            Err(error) if env::var_os(LOSSES_VARIABLE).is_some() => panic!("{error}"),
            Err(error) => {
                tell(&format!(
                    "NO POWER IS LOST, as no ext4 file system can be mounted: {error}"
                ));
                None
            }
        }
    }

    fn new() -> Result<Self, String> {
        // What the file system syncs need not reach a disk: it is the file system that forgets.
        let parent = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let parent = parent.map_err(|error| error.to_string())?;
        let system = Self { parent };
        let image = system.file("image");
        run("truncate", &["--size=64M", &image])?;
        run("mkfs.ext4", &["-q", "-F", &image])?;
        std::fs::create_dir(system.root()).unwrap();
        system.mount()?;
        Ok(system)
    }

    fn file(&self, name: &str) -> String {
        let path = self.parent.path().join(name);
        path.into_os_string().into_string().unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.parent.path().join("root")
    }

    fn mount(&self) -> Result<(), String> {
        run(
            "mount",
            &["-o", "loop", &self.file("image"), &self.file("root")],
        )
    }

    pub(crate) fn mount_again(&self) {
        run("umount", &[&self.file("root")]).unwrap();
        self.mount().unwrap();
    }

    pub(crate) fn lose_power(&self) {
        run("perl", &["-e", SHUTDOWN, &self.file("root")]).unwrap();
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        // There is nothing to unmount where nothing could be mounted.
        let _told = run("umount", &[&self.file("root")]);
    }
}
