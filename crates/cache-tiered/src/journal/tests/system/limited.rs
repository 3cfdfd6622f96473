//! Files that may not grow beyond a limit: writes that stop half-way, and no room behind.

use super::{Fates, Worker};
use crate::device::system::run;

const RECORDS: u64 = 36;

/// Bytes; none within a segment's header, of which the system must write all or nothing.
const LIMITS: [u64; 10] = [
    0, 128, 300, 4_096, 4_100, 5_000, 8_191, 9_000, 12_300, 16_383,
];

/// Lets a write beyond the limit fail, rather than end the process.
const SHELL: [&str; 3] = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];

#[test]
fn g4_writes_cut_short_by_a_limit_of_the_size_of_files_lose_nothing_acknowledged() {
    for name in ["process", "power"] {
        for limit in LIMITS {
            let context = format!("{name}, files of {limit} bytes");
            let parent = tempfile::tempdir().unwrap();
            let path = parent.path().join(name);
            let worker = Worker {
                records: Some(RECORDS),
                limit: Some(limit),
                ..Worker::new(&path, 1)
            };
            let output = run(&mut worker.command(&SHELL));
            let mut fates = Fates::default();
            fates.hear_all(&output.stdout);
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(fates.done, "{context}: {words}");
            for failure in &fates.failures {
                assert!(failure.contains("full"), "{context}: {failure}");
            }
            // As soon as there is no limit any more.
            let last = (RECORDS - 5..=RECORDS).all(|stamp| fates.is_taken(stamp));
            assert!(last, "{context}: {:?}", fates.failures);
            fates.judge(&path, &context);
        }
    }
}
