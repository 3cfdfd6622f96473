//! How many bytes this process has written to files, as the system counts them.

/// Bytes passed to `write(2)` and its kin since the process began; `None` where the system does not count them.
pub(crate) fn bytes_written() -> Option<u64> {
    let counters = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = counters
        .lines()
        .find_map(|line| line.strip_prefix("wchar:"))?;
    line.trim().parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::bytes_written;
    use std::io::Write;

    #[test]
    fn what_is_written_is_counted() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let before = bytes_written().expect("Linux counts written bytes");
        file.write_all(&[0; 10_000]).expect("a write");
        let after = bytes_written().expect("Linux counts written bytes");
        assert!(after - before >= 10_000, "{before} {after}");
    }
}
