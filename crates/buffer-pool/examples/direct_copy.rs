//! Copies a file past the page cache (`O_DIRECT`), reading ahead while writing, with buffers aligned as that demands:
//! `cargo run --example direct_copy [FROM TO]`. Without arguments it copies a file of its own, and compares.

fn main() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    return copy::main();
    #[cfg(not(target_os = "linux"))]
    {
        println!("O_DIRECT is Linux's: nothing is shown here");
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod copy {
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::{FileExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::thread;

    use buffer_pool::{BufferPool, Classes, PooledBuf};
    use rustix::fs::OFlags;

    /// What addresses, offsets and lengths are multiples of: the page of memory, which no usual device exceeds.
    const ALIGNMENT: usize = 4096;
    /// Bytes of one read.
    const CHUNK: usize = 256 << 10;
    /// Chunks that wait to be written.
    const AHEAD: usize = 2;

    #[derive(Copy, Clone, Debug, PartialEq)]
    enum Mode {
        Direct,
        Cached,
    }

    pub(super) fn main() -> io::Result<()> {
        let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
        match &paths[..] {
            [from, to] => copy(from, to).map(|_| ()),
            [] => demonstrate(),
            _ => Err(io::Error::new(
                ErrorKind::InvalidInput,
                "give two paths, or none",
            )),
        }
    }

    /// Copies a file whose length is no multiple of anything.
    fn demonstrate() -> io::Result<()> {
        // Beside the program rather than in /tmp, which may be memory and refuse O_DIRECT.
        let program = std::env::current_exe()?;
        let name = format!("direct-copy-{}", std::process::id());
        let folder = program.with_file_name(name);
        fs::create_dir(&folder)?;
        let (from, to) = (folder.join("from"), folder.join("to"));
        let contents: Vec<u8> = (0..3_000_001_u32).map(|at| (at / 7) as u8).collect();
        let copied = fs::write(&from, &contents)
            .and_then(|()| copy(&from, &to))
            .and_then(|_| fs::read(&to));
        fs::remove_dir_all(&folder)?;
        assert!(copied? == contents, "the copy differs");
        println!("the copy is equal");
        Ok(())
    }

    /// Copies past the page cache, or, where the filesystem refuses that, through it, and says so.
    fn copy(from: &Path, to: &Path) -> io::Result<Mode> {
        let mode = match transfer(from, to, Mode::Direct) {
            Ok(()) => Mode::Direct,
            Err(error) if refused(&error) => {
                println!(
                    "the filesystem refuses O_DIRECT ({error}): copying through the page cache"
                );
                transfer(from, to, Mode::Cached)?;
                Mode::Cached
            }
            Err(error) => return Err(error),
        };
        println!("copied {} to {}: {mode:?}", from.display(), to.display());
        Ok(mode)
    }

    /// `EINVAL` on opening, or, from filesystems that notice late, on the first read or write.
    fn refused(error: &io::Error) -> bool {
        matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::Unsupported
        )
    }

    fn open(options: &mut OpenOptions, path: &Path, mode: Mode) -> io::Result<File> {
        if mode == Mode::Direct {
            options.custom_flags(OFlags::DIRECT.bits().cast_signed());
        }
        options.open(path)
    }

    fn transfer(from: &Path, to: &Path, mode: Mode) -> io::Result<()> {
        let source = open(OpenOptions::new().read(true), from, mode)?;
        let mut create = OpenOptions::new();
        create.write(true).create(true).truncate(true);
        let target = open(&mut create, to, mode)?;

        // One buffer is read into, one written from, the others wait: there are never more, so the budget is never asked.
        let classes = Classes::custom(&[CHUNK]).expect("one class");
        let pool = BufferPool::builder()
            .classes(classes)
            .alignment(ALIGNMENT)
            .max_bytes((AHEAD + 2) * CHUNK)
            .build();
        let (sender, receiver) = sync_channel(AHEAD);
        let len = thread::scope(|scope| {
            let reader = scope.spawn(|| read(&source, &pool, sender));
            let written = write(&target, receiver);
            let read = reader.join().expect("the reader does not panic");
            // When the writer failed, the reader only says that nobody listens.
            written.and(read)
        })?;
        // The last chunk was written in whole blocks.
        target.set_len(len)?;
        target.sync_all()?;
        let stats = pool.stats();
        println!(
            "{len} bytes in {} chunks of {CHUNK}, with {} buffers",
            stats.acquires(),
            stats.misses()
        );
        Ok(())
    }

    /// Sends the file's chunks on; returns its length.
    fn read(source: &File, pool: &BufferPool, chunks: SyncSender<PooledBuf>) -> io::Result<u64> {
        let size = source.metadata()?.len();
        let mut offset = 0;
        while offset < size {
            // Stale: what the read does not overwrite is cut off.
            let mut chunk = pool.acquire_stale(CHUNK);
            let mut len = 0;
            // Not beyond the end: an offset there need not be aligned.
            while len < CHUNK && offset + (len as u64) < size {
                match source.read_at(&mut chunk[len..], offset + len as u64) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(count) => len += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            chunk.truncate(len);
            offset += len as u64;
            if chunks.send(chunk).is_err() {
                return Err(ErrorKind::BrokenPipe.into());
            }
        }
        Ok(offset)
    }

    /// Writes the chunks one after another, the last one filled up with zeros to a whole block.
    fn write(target: &File, chunks: Receiver<PooledBuf>) -> io::Result<()> {
        let mut offset = 0;
        for mut chunk in chunks {
            chunk.resize(chunk.len().next_multiple_of(ALIGNMENT), 0);
            target.write_all_at(&chunk, offset)?;
            offset += chunk.len() as u64;
        }
        Ok(())
    }
}
