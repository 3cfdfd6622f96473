//! The journal against the system itself: processes that are killed, calls that fail, devices that are full.
//!
//! The process to be hurt is this very test program, started again for one test ([`worker`]); it
//! tells what it does in lines. [`Fates`] takes them down, and judges what the journal gives back.

mod fates;
#[cfg(target_os = "linux")]
mod full;
mod killed;
mod limited;
#[cfg(target_os = "linux")]
mod power;
#[cfg(target_os = "linux")]
mod strace;
mod worker;

use fates::Fates;
use parking_lot::RwLock;
use std::io;
use std::process::{Child, Command, Output, Stdio};
use worker::Worker;

/// Held by who starts a process. Until that is another program it has the locks of all files that
/// this one has open, also of those that are closed here meanwhile.
static STARTING: RwLock<()> = RwLock::new(());

/// Does what takes the lock of a journal, while no process is being started.
pub(super) fn while_none_starts<R>(open: impl FnOnce() -> R) -> R {
    let _none_starts = STARTING.read();
    open()
}

fn start(command: &mut Command) -> Child {
    let _this_one = STARTING.write();
    command.spawn().unwrap()
}

/// Runs a process to its end.
fn run(command: &mut Command) -> Output {
    attempt(command).unwrap()
}

/// Runs one to its end that may not be there.
fn attempt(command: &mut Command) -> io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = {
        let _this_one = STARTING.write();
        command.spawn()?
    };
    child.wait_with_output()
}
