//! The system itself, for tests: processes that are killed, calls that fail, a file system that loses power.
//!
//! The process to be hurt is this very test program, started again for one test of it ([`this_test`]).

#[cfg(target_os = "linux")]
pub(crate) mod ext4;
#[cfg(target_os = "linux")]
pub(crate) mod strace;

use parking_lot::RwLock;
use std::env;
use std::io;
use std::process::{Child, Command, Output, Stdio};

/// Held by who starts a process. Until that is another program it has the locks of all files that
/// this one has open, also of those that are closed here meanwhile.
static STARTING: RwLock<()> = RwLock::new(());

/// Does what takes the lock of a file, while no process is being started.
pub(crate) fn while_none_starts<R>(open: impl FnOnce() -> R) -> R {
    let _none_starts = STARTING.read();
    open()
}

pub(crate) fn start(command: &mut Command) -> Child {
    let _this_one = STARTING.write();
    command.spawn().unwrap()
}

/// Runs a process to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    attempt(command).unwrap()
}

/// Runs one to its end that may not be there.
pub(crate) fn attempt(command: &mut Command) -> io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = {
        let _this_one = STARTING.write();
        command.spawn()?
    };
    child.wait_with_output()
}

/// This program for one of its tests, as arguments of `wrapper` if that has a name.
pub(crate) fn this_test(test: &str, wrapper: &[&str]) -> Command {
    let program = env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(program),
        [name, arguments @ ..] => {
            let mut command = Command::new(name);
            command.args(arguments).arg(program);
            command
        }
    };
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command
}

/// One line on standard output, at once: what follows may be the end.
pub(crate) fn say(line: &str) {
    use io::Write;
    let mut out = io::stdout().lock();
    // In front of it the test harness may have left an unfinished one.
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The number that an environment variable has, if there is one.
pub(crate) fn told(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// The variable with which chance begins, and what it is where nobody says.
const SEED_VARIABLE: &str = "STRATA_CRASH_SEED";
const SEED: u64 = 0x5eed;

/// Where chance begins.
pub(crate) fn seed() -> u64 {
    told(SEED_VARIABLE).unwrap_or(SEED)
}
