//! Losses of power, on an ext4 file system that is shut down.

use super::{Heard, Worker};
use crate::device::simulated::Random;
use crate::device::system::ext4::FileSystem;
use crate::device::system::{seed, start};
use crate::figures::tell;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Lets the process tell of `count` changes, takes the power away and ends it.
fn lose_after(system: &FileSystem, worker: &Worker, count: u64, heard: &mut Heard) {
    let mut command = worker.command(&[]);
    let mut child = start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = 0;
    while told < count {
        let line = lines.next().expect("it works until the power fails");
        told += u64::from(heard.hear(&line.unwrap()));
    }
    system.lose_power();
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines.map_while(Result::ok) {
        heard.hear_late(&line);
    }
}

#[test]
fn g2_a_loss_of_power_brings_nothing_back_that_was_changed_durably() {
    let Some((system, losses)) = FileSystem::to_lose() else {
        return;
    };
    let seed = seed();
    let mut worker = Worker::new(&system.root().join("power"));
    let (mut heard, mut random) = (Heard::default(), Random(seed));
    for round in 0..losses {
        let context = format!("seed {seed}, loss {round}");
        worker.first = 1 + round * 1_000_000;
        lose_after(&system, &worker, 1 + random.below(90), &mut heard);
        system.mount_again();
        worker.boot += 1;
        heard.judge(&worker, &context);
    }
    tell(&format!(
        "disk tier: {losses} losses of power on ext4, {} changes acknowledged before them; {} tiers then warm, the others {:?}, {} hits",
        heard.acknowledged, heard.warm, heard.emptied, heard.hits
    ));
    assert!(heard.acknowledged >= losses * 10 || losses < 100);
    assert!(heard.warm * 2 >= losses, "{} warm", heard.warm);
    assert!(heard.hits >= losses, "{} hits", heard.hits);
}
