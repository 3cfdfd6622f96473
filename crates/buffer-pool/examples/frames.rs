//! Reads length-prefixed frames off TCP connections, many a read, without copying them: what is complete of a buffer is
//! frozen and handed on, what is not stays and is read on. Lengths come from the peer, so that nothing is acquired on
//! their word but by `try_acquire`: `cargo run --example frames`. It serves clients of its own, one of which lies.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use buffer_pool::{AcquireError, BufferPool, PooledBuf, PooledBytes};

const CLIENTS: usize = 3;
const FRAMES: usize = 2000;
/// Bytes that one read gives at most; frames are usually much smaller.
const READ: usize = 64 << 10;
/// What the pool may have in all: no peer can make it more.
const BUDGET: usize = 8 << 20;
const HEAD: usize = 4;
/// Rather an error than a program that hangs.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

/// The frames of a stream.
struct Frames<R> {
    source: R,
    pool: BufferPool,
    /// What was read behind the last complete frame.
    rest: PooledBuf,
    /// Complete frames, one behind the other.
    complete: PooledBytes,
    reads: usize,
}

impl<R: Read> Frames<R> {
    fn new(source: R, pool: &BufferPool) -> Result<Self, AcquireError> {
        Ok(Self {
            source,
            pool: pool.clone(),
            rest: pool.try_acquire(READ)?,
            complete: PooledBytes::new(),
            reads: 0,
        })
    }

    /// The next frame without its head; `None` at the end of the stream. After a timeout, or a refusal by the pool, it may
    /// be called again.
    fn next(&mut self) -> io::Result<Option<PooledBytes>> {
        loop {
            if let Some(len) = frame_len(&self.complete) {
                let mut frame = self.complete.split_to(HEAD + len);
                return Ok(Some(frame.split_off(HEAD)));
            }
            let end = complete_len(&self.rest);
            if end > 0 {
                // Once a read, not once a frame: what follows is copied.
                self.complete = self.rest.try_split_frozen(end)?;
                continue;
            }
            self.make_room()?;
            match self.rest.read_from(&mut self.source) {
                Ok(0) if self.rest.is_empty() => return Ok(None),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => self.reads += 1,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Room for the next frame: as much as the peer says, if it is to be had; the usual again behind it.
    fn make_room(&mut self) -> Result<(), AcquireError> {
        let len = frame_len(&self.rest).map_or(0, |len| len.saturating_add(HEAD));
        let capacity = self.rest.capacity();
        if len > capacity || (len <= READ && capacity > 2 * READ) {
            let mut other = self.pool.try_acquire(len.max(READ))?;
            other.extend_from_slice(&self.rest);
            self.rest = other;
        }
        Ok(())
    }
}

/// The length that the head of a frame names, if it is there.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let head = bytes.first_chunk::<HEAD>()?;
    Some(u32::from_be_bytes(*head) as usize)
}

/// Bytes of the frames that are complete.
fn complete_len(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(len) = frame_len(&bytes[end..]) {
        if bytes.len() - end - HEAD < len {
            break;
        }
        end += HEAD + len;
    }
    end
}

fn main() -> io::Result<()> {
    let pool = BufferPool::builder().max_bytes(BUDGET).build();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    let (frames, reads) = thread::scope(|scope| {
        let mut served = Vec::new();
        for _ in 0..CLIENTS {
            let client = scope.spawn(move || client(address));
            let (stream, _) = listener.accept()?;
            let pool = &pool;
            served.push((client, scope.spawn(move || serve(&stream, pool))));
        }
        let mut sums = (0, 0);
        for (client, server) in served {
            client.join().expect("clients do not panic")?;
            let (frames, reads) = server.join().expect("servers do not panic")?;
            sums = (sums.0 + frames, sums.1 + reads);
        }
        io::Result::Ok(sums)
    })?;
    assert_eq!(frames, CLIENTS * FRAMES);

    TcpStream::connect(address)?.write_all(&u32::MAX.to_be_bytes())?;
    let (stream, _) = listener.accept()?;
    let refused = serve(&stream, &pool).expect_err("nobody has 4 GiB for it");
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    println!("a frame of 4 GiB: {refused}");

    let stats = pool.stats();
    println!(
        "{frames} frames of {reads} reads, in {} buffers that were used {} times: {:.1}% recycled, {} KiB at most",
        stats.misses() + stats.oversize,
        stats.acquires(),
        100.0 * stats.recycle_rate(),
        stats.peak_bytes >> 10
    );
    assert!(stats.peak_bytes <= BUDGET as u64);
    assert_eq!(stats.outstanding(), 0);
    Ok(())
}

/// Counts and checks the frames of a connection; returns how many came, and by how many reads.
fn serve(stream: &TcpStream, pool: &BufferPool) -> io::Result<(usize, usize)> {
    stream.set_read_timeout(PATIENCE)?;
    let mut frames = Frames::new(stream, pool)?;
    let mut count = 0;
    while let Some(frame) = frames.next()? {
        // It could go on to another thread, or be kept: it is a value of its own.
        assert!(frame == payload(count), "frame {count} differs");
        count += 1;
    }
    Ok((count, frames.reads))
}

/// Mostly small; some that no read holds.
fn payload(number: usize) -> Vec<u8> {
    let len = match number % 500 {
        499 => 3 * READ + number,
        _ => number * 37 % 700,
    };
    vec![number as u8; len]
}

fn client(address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_write_timeout(PATIENCE)?;
    let mut writer = io::BufWriter::with_capacity(READ, &stream);
    for number in 0..FRAMES {
        let payload = payload(number);
        writer.write_all(&(payload.len() as u32).to_be_bytes())?;
        writer.write_all(&payload)?;
    }
    writer.flush()?;
    stream.shutdown(Shutdown::Write)
}
