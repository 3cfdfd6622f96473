//! `strata replay --store`: over a real redis-server, on a socket in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::replay::{folder, number, replay, replayed};

/// A server without a port, which ends with the test.
struct Server {
    process: Child,
    /// Open, so that it can go on to log: next to nothing, and a pipe holds 64 KiB of it.
    _log: BufReader<ChildStdout>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let server = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--daemonize", "no"])
            .args(["--unixsocket", "socket"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut server = server.unwrap_or_else(|error| {
            panic!(
                "redis-server cannot be run ({error}): this test needs it; on Debian, as root: apt-get install redis-server"
            )
        });
        let mut log = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut lines = log.by_ref().lines().map_while(Result::ok);
        let ready = lines.any(|line| line.contains("ready to accept connections"));
        let server = Self {
            process: server,
            _log: log,
        };
        assert!(ready, "redis-server ended instead of listening");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_keeps_what_is_acknowledged_from_run_to_run() {
    let (folder, path) = folder();
    let _server = Server::start(folder.path());
    let url = format!("unix://{path}/socket");
    let arguments = [
        "--store",
        &url,
        "--workload",
        "loop",
        "--keys",
        "300",
        "--requests",
        "900",
        "--memory",
        "10KiB",
    ];
    let first = replayed(&arguments);
    assert_eq!(number(&first, "/origin"), 300);
    assert_eq!(number(&first, "/read_back"), 300);
    // Versions carry on from what the server holds, or each overwrite would read as wrong.
    let second = replayed(&[&arguments[..], &["--writes", "behind"]].concat());
    assert_eq!(number(&second, "/origin"), 0);
    assert!(number(&second, "/hits/store") >= 300, "{second}");
}

#[test]
fn a_server_that_is_not_there_is_one_line() {
    let (_folder, path) = folder();
    let url = format!("unix://{path}/none");
    let (run, _) = replay(&["--store", &url, "--requests", "10"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let (run, _) = replay(&["--store", &url, "--requests", "10", "--dir", &path]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}
