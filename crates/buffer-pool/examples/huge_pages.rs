//! What memory by mmap changes: faults and time to fill buffers for the first time, and what stays with the process when
//! the pool has given everything back. `cargo run --release --example huge_pages --features mmap`.

fn main() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    return fill::main();
    #[cfg(not(target_os = "linux"))]
    {
        println!("the figures come from Linux's /proc: nothing is shown here");
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod fill {
    use std::process::Command;
    use std::time::Instant;
    use std::{fs, io};

    use buffer_pool::{BufferPool, Mapped, PooledBuf};

    /// Bytes of buffers that are held at once, and of one of them.
    const TOTAL: usize = 256 << 20;
    const SIZES: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];

    /// What a pool's memory comes from.
    const SOURCES: [&str; 3] = [
        "the global allocator",
        "mmap, small pages",
        "mmap, huge pages",
    ];

    pub(super) fn main() -> io::Result<()> {
        let arguments: Vec<usize> = std::env::args()
            .skip(1)
            .flat_map(|text| text.parse())
            .collect();
        if let [size, source] = arguments[..] {
            return measure(size, source);
        }
        println!("buffers  memory from               fill ms   faults  keeps MiB  mappings");
        // Each in a process of its own: what one keeps would serve the next.
        for (size, source) in SIZES
            .iter()
            .flat_map(|size| (0..SOURCES.len()).map(move |at| (size, at)))
        {
            let status = Command::new(std::env::current_exe()?)
                .args([size.to_string(), source.to_string()])
                .status()?;
            assert!(status.success(), "{status}");
        }
        Ok(())
    }

    fn pool(source: usize) -> BufferPool {
        let builder = BufferPool::builder();
        match source {
            0 => builder.build(),
            1 => builder.provider(Mapped::new().huge_pages(false)).build(),
            _ => builder.provider(Mapped::new()).build(),
        }
    }

    fn measure(size: usize, source: usize) -> io::Result<()> {
        let pool = pool(source);
        let before = Process::look()?;
        let start = Instant::now();
        let mut held: Vec<PooledBuf> = Vec::new();
        for number in 0..TOTAL / size {
            let mut buf = pool.acquire(size);
            buf.resize(size, number as u8);
            held.push(buf);
        }
        let elapsed = start.elapsed();
        let full = Process::look()?;
        let sum: usize = held.iter().map(|buf| usize::from(buf[size - 1])).sum();
        // All but one, in the middle: an allocator that keeps what lies before it would show here.
        let last = held.swap_remove(held.len() / 2);
        drop(held);
        pool.reclaim(usize::MAX);
        let after = Process::look()?;
        println!(
            "{:>3} KiB  {:<22} {:>10.1} {:>8} {:>10.1} {:>9}   (sum {sum})",
            size >> 10,
            SOURCES[source],
            elapsed.as_secs_f64() * 1e3,
            full.faults - before.faults,
            after.resident.saturating_sub(before.resident) as f64 / (1 << 20) as f64,
            full.mappings.saturating_sub(before.mappings),
        );
        drop(last);
        Ok(())
    }

    /// What the kernel says of this process.
    struct Process {
        /// Faults served without a device, so far.
        faults: u64,
        /// Bytes in memory.
        resident: usize,
        mappings: usize,
    }

    impl Process {
        fn look() -> io::Result<Self> {
            let number = |text: Option<&str>| {
                let number = text.and_then(|text| text.parse().ok());
                number.ok_or_else(|| io::Error::other("an unusual /proc"))
            };
            let stat = fs::read_to_string("/proc/self/stat")?;
            // The name before it, in parentheses, may have spaces.
            let fields = stat.rsplit(')').next().unwrap_or_default();
            let statm = fs::read_to_string("/proc/self/statm")?;
            let pages = number(statm.split(' ').nth(1))? as usize;
            Ok(Self {
                faults: number(fields.split_whitespace().nth(7))?,
                resident: pages * rustix::param::page_size(),
                mappings: fs::read_to_string("/proc/self/maps")?.lines().count(),
            })
        }
    }
}
