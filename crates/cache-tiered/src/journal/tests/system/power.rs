//! Losses of power: an ext4 file system of its own that is shut down, and forgets what was not synced.

use super::killed::number;
use super::{Fates, Worker, start};
use crate::device::simulated::Random;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many of them; none unless it is asked for, as it takes root and mounts a file system.
const LOSSES: &str = "STRATA_CRASH_POWER";
const SEED: &str = "STRATA_CRASH_SEED";

/// Shuts a file system down at once, without its log (EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH).
const SHUTDOWN: &str = "open(F, '<', $ARGV[0]) or die $!; my $how = pack('L', 2); ioctl(F, 0x8004587d, $how) or die $!";

fn run(program: &str, arguments: &[&str]) {
    let output = super::run(Command::new(program).args(arguments));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {words}");
}

/// A file system in a file, mounted.
struct FileSystem {
    parent: tempfile::TempDir,
}

impl FileSystem {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let system = Self { parent };
        let image = system.file("image");
        run("truncate", &["--size=64M", &image]);
        run("mkfs.ext4", &["-q", "-F", &image]);
        std::fs::create_dir(system.root()).unwrap();
        system.mount();
        system
    }

    fn file(&self, name: &str) -> String {
        let path = self.parent.path().join(name);
        path.into_os_string().into_string().unwrap()
    }

    fn root(&self) -> PathBuf {
        self.parent.path().join("root")
    }

    fn mount(&self) {
        run(
            "mount",
            &["-o", "loop", &self.file("image"), &self.file("root")],
        );
    }

    fn lose_power(&self) {
        run("perl", &["-e", SHUTDOWN, &self.file("root")]);
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        let _unmounted_at_the_end = Command::new("umount").arg(self.file("root")).status();
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
    // What it told until then; and no refusal, as nothing can be read there any more.
    let failures = fates.failures.len();
    for line in lines.map_while(Result::ok) {
        if !line.starts_with("refused") {
            fates.hear(&line);
        }
    }
    fates.failures.truncate(failures);
}

#[test]
fn g4_a_loss_of_power_loses_nothing_that_was_acknowledged_durable() {
    let (losses, seed) = (number(LOSSES, 0), number(SEED, 0x5eed));
    if losses == 0 {
        return eprintln!("skipped: `cargo xtask crash --power` runs it, as root");
    }
    let system = FileSystem::new();
    let path = system.root().join("power");
    let (mut fates, mut random) = (Fates::default(), Random(seed));
    for round in 0..losses {
        let context = format!("seed {seed}, loss {round}");
        let first = 1 + round * 1_000_000;
        lose_after(&system, &path, first, 1 + random.below(60), &mut fates);
        run("umount", &[&system.file("root")]);
        system.mount();
        fates.judge(&path, &context);
    }
    assert!(fates.acknowledged >= losses);
}
