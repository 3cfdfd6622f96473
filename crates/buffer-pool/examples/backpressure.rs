//! A pipeline whose memory is bounded by its pool, not by its queues: what a producer does that is faster than its consumers.
//! `cargo run --example backpressure`.

use std::thread;
use std::time::Duration;

use buffer_pool::{AcquireError, BufferPool, Classes, PooledBuf};
use crossbeam::channel::{Receiver, Sender, unbounded};

const RECORDS: usize = 2000;
const RECORD: usize = 8 << 10;
/// Records that there may be at once, queued, being written or being read.
const AT_ONCE: usize = 16;
/// Rather an error than a program that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of the records.
#[derive(Debug, Default)]
struct Outcome {
    /// Read by the consumer.
    consumed: usize,
    /// Read by the producer, while the consumer was behind.
    helped: usize,
    /// Never written.
    shed: usize,
}

fn main() -> Result<(), AcquireError> {
    let waited = run(
        "wait: who finds no memory sleeps until the consumer is done with some",
        |pool, queue, _| {
            queue
                .send(filled(pool.acquire(RECORD)))
                .expect("the consumer listens");
            Ok(Outcome::default())
        },
    )?;
    assert_eq!(waited.consumed, RECORDS);

    let shed = run("shed: what finds no memory is dropped", |pool, queue, _| {
        match fill(pool) {
            Ok(record) => queue.send(record).expect("the consumer listens"),
            Err(AcquireError::Exhausted { .. }) => {
                return Ok(Outcome {
                    shed: 1,
                    ..Outcome::default()
                });
            }
            Err(error) => return Err(error),
        }
        Ok(Outcome::default())
    })?;
    assert_eq!(shed.consumed + shed.shed, RECORDS);

    let helped = run(
        "help: who finds no memory does the consumer's work",
        |pool, queue, waiting| {
            let mut helped = 0;
            let record = loop {
                match fill(pool) {
                    Ok(record) => break record,
                    Err(AcquireError::Exhausted { .. }) => {}
                    Err(error) => return Err(error),
                }
                let Ok(record) = waiting.try_recv() else {
                    // Nothing to help with: the consumer has all of it at hand, and gives it back soon.
                    break filled(pool.acquire_timeout(RECORD, PATIENCE)?);
                };
                consume(&record);
                helped += 1;
            };
            queue.send(record).expect("the consumer listens");
            Ok(Outcome {
                helped,
                ..Outcome::default()
            })
        },
    )?;
    assert_eq!((helped.consumed + helped.helped, helped.shed), (RECORDS, 0));
    Ok(())
}

/// Produces all records by one policy, on this thread, while another consumes them.
fn run(
    policy: &str,
    produce: impl Fn(
        &BufferPool,
        &Sender<PooledBuf>,
        &Receiver<PooledBuf>,
    ) -> Result<Outcome, AcquireError>,
) -> Result<Outcome, AcquireError> {
    let pool = BufferPool::builder()
        .classes(Classes::custom(&[RECORD]).expect("one class"))
        .max_bytes(AT_ONCE * RECORD)
        .build();
    // The queue needs no bound: it holds buffers, and of those there are only so many.
    let (sender, receiver) = unbounded::<PooledBuf>();
    let outcome = thread::scope(|scope| {
        let waiting = receiver.clone();
        let consumer =
            scope.spawn(move || receiver.iter().inspect(|record| consume(record)).count());
        let mut outcome = Outcome::default();
        let produced = (0..RECORDS).try_for_each(|_| {
            let one = produce(&pool, &sender, &waiting)?;
            outcome.helped += one.helped;
            outcome.shed += one.shed;
            Ok(())
        });
        drop(sender);
        outcome.consumed = consumer.join().expect("the consumer does not panic");
        produced.map(|()| outcome)
    })?;
    let stats = pool.stats();
    println!(
        "{policy}\n  {outcome:?}, {} KiB at most",
        stats.peak_bytes >> 10
    );
    assert!(stats.peak_bytes <= (AT_ONCE * RECORD) as u64);
    assert_eq!((stats.outstanding(), stats.overflow), (0, 0));
    Ok(outcome)
}

fn fill(pool: &BufferPool) -> Result<PooledBuf, AcquireError> {
    pool.try_acquire(RECORD).map(filled)
}

fn filled(mut record: PooledBuf) -> PooledBuf {
    record.resize(RECORD, 1);
    record
}

/// Takes longer than `fill`.
fn consume(record: &[u8]) {
    let sum = record
        .iter()
        .fold(0_u32, |sum, &byte| sum.rotate_left(3) ^ u32::from(byte));
    std::hint::black_box(sum);
}
