//! A TCP echo server whose replies are frozen buffers: what a connection reads is frozen and queued for its writer, so
//! that reading goes on while replies are written, and nothing is copied: `cargo run --example echo`. It serves clients of
//! its own, on a port of the loopback, and ends with the last.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use buffer_pool::{BufferPool, PooledBytes};

const CLIENTS: usize = 4;
const MESSAGES: usize = 200;
/// Bytes that one reply has at most.
const REPLY: usize = 16 << 10;
/// Replies of a connection that wait to be written: beyond it, the connection is not read.
const QUEUE: usize = 8;
/// Rather an error than a program that hangs.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

fn main() -> io::Result<()> {
    let pool = BufferPool::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    println!("serving {CLIENTS} clients on {address}");

    let (received, echoed) = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || client(address, number)))
            .collect();
        let connections: Vec<_> = listener
            .incoming()
            .take(CLIENTS)
            .map(|stream| {
                let (stream, pool) = (stream?, pool.clone());
                Ok(scope.spawn(move || serve(&stream, &pool)))
            })
            .collect::<io::Result<_>>()?;
        io::Result::Ok((sum(clients)?, sum(connections)?))
    })?;

    let stats = pool.stats();
    println!(
        "{echoed} bytes echoed from {} buffers for {} reads: {:.1}% recycled",
        stats.misses(),
        stats.acquires(),
        100.0 * stats.recycle_rate()
    );
    assert_eq!((received, stats.outstanding()), (echoed, 0));
    Ok(())
}

fn sum(threads: Vec<thread::ScopedJoinHandle<'_, io::Result<u64>>>) -> io::Result<u64> {
    let results = threads
        .into_iter()
        .map(|thread| thread.join().expect("threads do not panic"));
    results.sum()
}

/// Echoes until the client has sent all; returns the bytes.
fn serve(stream: &TcpStream, pool: &BufferPool) -> io::Result<u64> {
    stream.set_read_timeout(PATIENCE)?;
    stream.set_write_timeout(PATIENCE)?;
    stream.set_nodelay(true)?;
    let (replies, queue) = sync_channel::<PooledBytes>(QUEUE);
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            queue
                .into_iter()
                .try_for_each(|reply| (&mut &*stream).write_all(&reply))
        });
        let mut bytes = 0;
        let read = loop {
            let mut request = pool.acquire(REPLY);
            match request.read_from(stream) {
                Ok(0) => break Ok(()),
                Ok(count) => bytes += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Err(error),
            }
            // Any number of connections could be sent clones of it.
            if replies.send(request.freeze()).is_err() {
                // The writer has failed, and says why.
                break Ok(());
            }
        };
        drop(replies);
        let written = writer.join().expect("the writer does not panic");
        stream.shutdown(Shutdown::Write)?;
        written.and(read).map(|()| bytes)
    })
}

/// Sends messages and checks what comes back; returns the bytes.
fn client(address: SocketAddr, number: usize) -> io::Result<u64> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(PATIENCE)?;
    stream.set_write_timeout(PATIENCE)?;
    let message = |turn: usize| vec![(number * MESSAGES + turn) as u8; 1 + turn * 97 % 5000];
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for turn in 0..MESSAGES {
                (&stream).write_all(&message(turn))?;
            }
            stream.shutdown(Shutdown::Write)
        });
        let mut received = 0;
        for turn in 0..MESSAGES {
            let expected = message(turn);
            let mut echo = vec![0; expected.len()];
            (&stream).read_exact(&mut echo)?;
            assert!(echo == expected, "client {number} got something else back");
            received += echo.len() as u64;
        }
        sender.join().expect("the sender does not panic")?;
        Ok(received)
    })
}
