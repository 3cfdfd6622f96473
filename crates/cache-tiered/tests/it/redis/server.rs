//! A real redis-server on a free port, in a folder of its own, that can be stopped and killed.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Nothing here takes so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const TRIES: usize = 10;

pub(crate) struct Server {
    directory: TempDir,
    settings: Vec<String>,
    port: u16,
    process: Option<Child>,
    stopped: bool,
}

impl Server {
    /// What it acknowledges survives its death.
    pub(crate) fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub(crate) fn with(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings
            .iter()
            .map(|setting| (*setting).to_owned())
            .collect();
        let mut server = Self {
            directory,
            settings,
            port: 0,
            process: None,
            stopped: false,
        };
        // Somebody else may take a port that was free a moment ago.
        for _ in 0..TRIES {
            server.port = free_port();
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server did not start on any of {TRIES} ports: try it by hand");
    }

    fn try_start(&mut self) -> bool {
        let mut process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--daemonize", "no", "--dir"])
            .arg(self.directory.path())
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "redis-server cannot be run ({error}): the tests of the feature `redis` need \
                     it; on Debian, as root: apt-get install redis-server"
                )
            });
        let told = tell(process.stdout.take().unwrap());
        let ready = loop {
            match told.recv_timeout(PATIENCE) {
                Ok(line) if line.contains("Ready to accept connections") => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        if ready {
            self.process = Some(process);
        } else {
            end(process);
        }
        ready
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test itself.
    pub(crate) fn control(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).unwrap();
        let connection = client.get_connection_with_timeout(PATIENCE).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection
    }

    /// Asks the server, and demands an answer of this type.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut question = redis::cmd(command[0]);
        question.arg(&command[1..]);
        question.query(&mut self.control()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), signal).unwrap();
    }

    /// Stops it where it is; sockets stay open and take what fits them.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::STOP);
        self.stopped = true;
    }

    pub(crate) fn resume(&mut self) {
        self.signal(Signal::CONT);
        self.stopped = false;
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        end(self.process.take().expect("it runs"));
        self.stopped = false;
    }

    /// Ends it as its operator would.
    pub(crate) fn shut_down(&mut self) {
        let mut process = self.process.take().expect("it runs");
        // It answers by hanging up.
        let hung_up = redis::cmd("SHUTDOWN").exec(&mut self.control());
        assert!(hung_up.is_err());
        process.wait().unwrap();
    }

    /// Starts it again, with its data, on its port.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none());
        assert!(self.try_start(), "port {} was taken meanwhile", self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            end(process);
        }
    }
}

fn end(mut process: Child) {
    // It may have ended by itself.
    let _gone = process.kill();
    process.wait().unwrap();
}

/// The lines of its log; somebody has to read them, or it waits for that.
fn tell(log: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Nobody listens any more once it is ready.
            let _unheard = sender.send(line);
        }
    });
    lines
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
