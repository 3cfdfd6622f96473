//! Losses of power: an ext4 file system of its own that is shut down, and forgets what was not synced.

use super::{Fates, Worker};
use crate::device::simulated::Random;
use crate::device::system::ext4::FileSystem;
use crate::device::system::{seed, start};
use crate::figures::tell;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

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
    let Some((system, losses)) = FileSystem::to_lose() else {
        return;
    };
    let seed = seed();
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
