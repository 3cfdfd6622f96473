//! The thread that writes, reclaims and tidies behind everybody's back.

use super::Disk;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A batch that is not full is written when nothing was called for so long.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct State {
    called: bool,
    ended: bool,
}

/// How the worker is called.
#[derive(Default)]
pub(super) struct Signal {
    state: Mutex<State>,
    came: Condvar,
}

impl Signal {
    /// There is work.
    pub(super) fn call(&self) {
        let mut state = self.state.lock();
        // Who has been called and has not looked yet need not be woken again.
        if !std::mem::replace(&mut state.called, true) {
            self.came.notify_one();
        }
    }

    fn end(&self) {
        self.state.lock().ended = true;
        self.came.notify_one();
    }

    /// Waits for a call.
    fn wait(&self) -> Woken {
        let mut state = self.state.lock();
        if !state.called && !state.ended {
            self.came.wait_for(&mut state, PATIENCE);
        }
        if state.ended {
            Woken::Ended
        } else if std::mem::take(&mut state.called) {
            Woken::Called
        } else {
            Woken::Idle
        }
    }
}

enum Woken {
    Called,
    Idle,
    Ended,
}

/// The thread of a tier, which ends when this is dropped; what waits to be written is written first.
pub(crate) struct Worker {
    disk: Arc<Disk>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// That of the system, which has no thread to give.
    pub(crate) fn start(disk: Arc<Disk>) -> std::io::Result<Self> {
        let own = Arc::clone(&disk);
        let thread = std::thread::Builder::new().name("strata-disk".to_owned());
        let thread = thread.spawn(move || run(&own))?;
        Ok(Self {
            disk,
            thread: Some(thread),
        })
    }
}

fn run(disk: &Disk) {
    loop {
        match disk.signal.wait() {
            Woken::Ended => return,
            Woken::Called => {}
            Woken::Idle => disk.rest(),
        }
        while disk.work() {}
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.disk.signal.end();
        if let Some(thread) = self.thread.take() {
            // Should it have panicked, it was told of that.
            let _ended = thread.join();
        }
        self.disk.flush();
    }
}
