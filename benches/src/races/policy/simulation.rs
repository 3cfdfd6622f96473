//! `strata simulate` against libCacheSim's own simulator: one policy, one thread, the trace read from its file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use clap::Parser;
use strata_cli::outcome::Outcome;
use strata_cli::simulate;

use crate::races::traces;
use crate::{Contender, Effort, Sample, Workload};

/// The policies by our name and by that of libCacheSim's class.
const POLICIES: [(&str, &str); 4] = [
    ("lru", "LRU"),
    ("arc", "ARC"),
    ("s3-fifo", "S3FIFO"),
    ("sieve", "Sieve"),
];

const CAPACITY: &str = "2000";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: simulate::Args,
}

/// Nanoseconds a request, from opening the file to the printed row; both must count the same misses.
pub(super) fn workloads(_effort: Effort) -> Vec<Workload> {
    let trace = traces::file("OLTP");
    let workload = |(ours, theirs): (&'static str, &'static str)| {
        Workload::new("policy", format!("simulate-{ours}"), "ns")
            .with(strata(ours, trace.clone()))
            .with(libcachesim(theirs, trace.clone()))
    };
    POLICIES.into_iter().map(workload).collect()
}

fn strata(policy: &'static str, trace: PathBuf) -> Contender {
    Contender::new("strata-simulate", move || {
        if !trace.is_file() {
            return absent(&format!("{} is not there", trace.display()));
        }
        let words = ["simulate", "--policies", policy, "--sizes", CAPACITY];
        let rest = ["--threads", "1", "--format", "csv"];
        let words = words.into_iter().chain(rest).map(Into::into);
        let line = Line::parse_from(words.chain([trace.clone().into_os_string()]));
        let mut out = Vec::new();
        let start = Instant::now();
        let outcome = simulate::run(&line.args, &mut out).expect("the trace is simulated");
        let elapsed = start.elapsed();
        assert_eq!(outcome, Outcome::Passed);
        // trace,capacity,policy,requests,misses,miss_ratio
        let text = String::from_utf8(out).expect("a row of text");
        let row: Vec<&str> = text.lines().nth(1).expect("a row").split(',').collect();
        let number = |at: usize| row[at].parse::<u64>().expect("a count");
        Sample::over(number(3) as usize, elapsed, number(4))
    })
}

/// Runs in a process of its own, the interpreter that `STRATA_PYTHON` names, or `python3`; there the package
/// `libcachesim` must be installed.
fn libcachesim(policy: &'static str, trace: PathBuf) -> Contender {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let python = std::env::var_os("STRATA_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/simulate_libcachesim.py");
    let mut served = None;
    Contender::new("libcachesim", move || {
        let installed = *INSTALLED.get_or_init(|| {
            let mut probe = Command::new(&python);
            probe.args(["-c", "import libcachesim"]);
            probe.stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        });
        if !installed {
            return absent(
                "libCacheSim is not there: `pip install libcachesim==0.3.5` in an environment whose interpreter \
                 STRATA_PYTHON names",
            );
        }
        let served = served.get_or_insert_with(|| {
            let mut command = Command::new(&python);
            command
                .args(["-B".as_ref(), script.as_os_str()])
                .args([policy, CAPACITY])
                .arg(&trace);
            Contender::in_process("libcachesim", command)
        });
        served.round()
    })
}

/// The sample of a contender that cannot run: nobody else's checksum is its own.
fn absent(why: &str) -> Sample {
    eprintln!("{why}");
    Sample::new(f64::INFINITY, u64::MAX)
}
