//! Replies rendered once and written by several threads, without a copy: `cargo run --example shared_replies`.

use std::io::Write;
use std::sync::mpsc;
use std::thread;

use buffer_pool::{BufferPool, PooledBytes};

const CONNECTIONS: usize = 4;
const REPLIES: usize = 1000;

fn main() -> std::io::Result<()> {
    let pool = BufferPool::new();
    let sent = thread::scope(|scope| {
        let (senders, workers): (Vec<_>, Vec<_>) = (0..CONNECTIONS)
            .map(|_| {
                let (sender, replies) = mpsc::sync_channel::<PooledBytes>(16);
                let worker = scope
                    .spawn(move || replies.into_iter().map(|reply| reply.len()).sum::<usize>());
                (sender, worker)
            })
            .unzip();
        for number in 0..REPLIES {
            let mut buf = pool.acquire(512);
            write!(buf, "HTTP/1.1 200 OK\r\n\r\nreply {number}")?;
            let reply = buf.freeze();
            for sender in &senders {
                sender
                    .send(reply.clone())
                    .expect("the worker reads until the end");
            }
        }
        drop(senders);
        let bytes = workers
            .into_iter()
            .map(|worker| worker.join().expect("workers do not panic"));
        std::io::Result::Ok(bytes.sum::<usize>())
    })?;

    let stats = pool.stats();
    println!("{sent} bytes sent on {CONNECTIONS} connections");
    println!(
        "{} buffers for {} replies: {:.1}% recycled",
        stats.misses(),
        stats.acquires(),
        100.0 * stats.recycle_rate()
    );
    assert_eq!((stats.acquires(), stats.outstanding()), (REPLIES as u64, 0));
    Ok(())
}
