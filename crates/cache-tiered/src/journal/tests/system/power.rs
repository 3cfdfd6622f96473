//! Losses of power: an ext4 file system of its own that is shut down, and forgets what was not synced.

use super::killed::number;
use super::{Fates, Worker, start};
use crate::device::simulated::Random;
use crate::figures::tell;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many of them there are to be, and how many there are where nobody says: if that is allowed, as it takes root
/// and mounts a file system.
const LOSSES_VARIABLE: &str = "STRATA_CRASH_POWER";
const LOSSES: u64 = 100;
const SEED: &str = "STRATA_CRASH_SEED";

/// Shuts a file system down at once, without its log (EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH).
const SHUTDOWN: &str = "open(F, '<', $ARGV[0]) or die $!; my $how = pack('L', 2); ioctl(F, 0x8004587d, $how) or die $!";

/// The error is what the program says, or that there is none.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = super::attempt(Command::new(program).args(arguments));
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", words.trim()))
}

/// A file system in a file, mounted.
struct FileSystem {
    parent: tempfile::TempDir,
}

impl FileSystem {
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

    fn root(&self) -> PathBuf {
        self.parent.path().join("root")
    }

    fn mount(&self) -> Result<(), String> {
        run(
            "mount",
            &["-o", "loop", &self.file("image"), &self.file("root")],
        )
    }

    fn mount_again(&self) {
        run("umount", &[&self.file("root")]).unwrap();
        self.mount().unwrap();
    }

    fn lose_power(&self) {
        run("perl", &["-e", SHUTDOWN, &self.file("root")]).unwrap();
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        // There is nothing to unmount where nothing could be mounted.
        let _told = run("umount", &[&self.file("root")]);
    }
}

/// Lets the process tell of `count` records, takes the power away and ends it.
fn lose_after(system: &FileSystem, path: &Path, first: u64, count: u64, fates: &mut Fates) {
    let mut command = Worker::new(path, first).command(&[]);
    let mut child = start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = 0;
    while told < count {
        let line = lines
            .next()
            .expect("it works until the power fails")
            .unwrap();
        told += u64::from(fates.hear(&line));
    }
    system.lose_power();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told until then, in part after the loss: there it only seems to go on.
    for line in lines.map_while(Result::ok) {
        fates.hear_late(&line);
    }
}

#[test]
fn g4_a_loss_of_power_loses_nothing_that_was_acknowledged_durable() {
    let (losses, seed) = (number(LOSSES_VARIABLE, LOSSES), number(SEED, 0x5eed));
    if losses == 0 {
        return tell(
            "NO POWER IS LOST: nobody asked for it; `cargo xtask crash --power` does, as root",
        );
    }
    let system = match FileSystem::new() {
        Ok(system) => system,
        // Who asks for it by name is not to be put off.
        Err(error) if env::var_os(LOSSES_VARIABLE).is_some() => panic!("{error}"),
        Err(error) => {
            return tell(&format!(
                "NO POWER IS LOST, as no ext4 file system can be mounted: {error}"
            ));
        }
    };
    let path = system.root().join("power");
    let (mut fates, mut random) = (Fates::default(), Random(seed));
    for round in 0..losses {
        let context = format!("seed {seed}, loss {round}");
        let first = 1 + round * 1_000_000;
        lose_after(&system, &path, first, 1 + random.below(60), &mut fates);
        system.mount_again();
        fates.judge(&path, &context);
    }
    tell(&format!(
        "{losses} losses of power on ext4, {} records acknowledged before them",
        fates.acknowledged
    ));
    assert!(fates.acknowledged >= losses);
}
