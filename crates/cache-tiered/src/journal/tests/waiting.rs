//! Who waits, for what, and that nobody waits for ever.

use super::behaviour::{open, put};
use super::model::options;
use crate::device::simulated::{Fault, Simulated};
use crate::durability::Durability;
use crate::journal::{Append, AppendError, Journal, JournalOptions, WhenFull};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

fn waits() -> JournalOptions {
    JournalOptions {
        when_full: WhenFull::Wait,
        ..options(Durability::Process)
    }
}

/// A journal that is full, where appends wait, and the sequences of its records.
fn full() -> (Journal, Vec<u64>) {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    while put(&journal, 1, 1000).wait().is_ok() {}
    drop(journal);
    let (journal, recovery) = open(&device.killed(), waits());
    let records = recovery.records.iter();
    (journal, records.map(|record| record.sequence).collect())
}

/// Who buries a record may be the one who settles others, and so makes the room.
#[test]
fn a_note_goes_ahead_of_records_that_wait_for_room() {
    let (journal, sequences) = full();
    let record = put(&journal, 2, 1000);
    let buried = journal.bury(sequences[0], "it is refused");
    let revived = journal.revive(sequences[0]);
    // Refuses the record in the end.
    journal.close().unwrap();
    assert_eq!(buried.wait().unwrap(), sequences[0]);
    assert_eq!(revived.wait().unwrap(), sequences[0]);
    assert!(matches!(record.wait(), Err(AppendError::Closed)));
    assert_eq!(journal.stats().dead, 0);
}

#[test]
fn no_record_passes_one_that_waits_for_room_behind_a_note() {
    let (journal, sequences) = full();
    let first = put(&journal, 2, 1000);
    let buried = journal.bury(sequences[0], "it is refused");
    // There would be room for this one.
    let second = put(&journal, 3, 1);
    journal.close().unwrap();
    buried.wait().unwrap();
    assert!(matches!(first.wait(), Err(AppendError::Closed)));
    assert!(matches!(second.wait(), Err(AppendError::Closed)));
}

#[test]
fn a_queue_full_of_records_that_wait_takes_notes() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    while put(&journal, 1, 1000).wait().is_ok() {}
    drop(journal);
    let narrow = JournalOptions {
        queue_bytes_max: 2_500,
        group_bytes_max: 1,
        ..waits()
    };
    let (journal, recovery) = open(&device.killed(), narrow);
    let sequence = recovery.records[0].sequence;
    let records: Vec<Append> = (2..4).map(|stamp| put(&journal, stamp, 1000)).collect();
    let refused = put(&journal, 4, 1000).wait();
    assert!(matches!(refused, Err(AppendError::Full(None))));
    let first = journal.bury(sequence, "it is refused");
    let second = journal.bury(sequence, "once more");
    journal.close().unwrap();
    // The first helping takes what was at the front, and finds that it waits.
    assert!(first.wait().is_ok() && second.wait().is_ok());
    assert_eq!(records.len(), 2);
}

#[test]
fn a_record_for_which_no_room_can_come_is_refused() {
    // The device is full, and nothing is in the journal.
    let device = Simulated::new(1);
    device.fill();
    let (journal, _) = open(&device, waits());
    let record = put(&journal, 1, 1000);
    journal.close().unwrap();
    assert!(matches!(record.wait(), Err(AppendError::Full(Some(_)))));
    // All that is in the journal is dead.
    let (journal, mut sequences) = full();
    for _ in 0..100 {
        for sequence in sequences.drain(..) {
            journal.bury(sequence, "it is refused").wait().unwrap();
        }
        match put(&journal, 2, 1000).wait() {
            Ok(sequence) => sequences.push(sequence),
            Err(error) => {
                assert!(matches!(error, AppendError::Full(None)));
                return;
            }
        }
    }
    panic!("a journal full of dead letters takes records");
}

#[test]
fn attempts_on_a_full_device_use_up_no_names() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    put(&journal, 1, 1000).wait().unwrap();
    device.fill();
    let refused = (0..200).filter(|_| put(&journal, 2, 1000).wait().is_err());
    assert!(refused.count() > 100);
    device.make_room();
    for _ in 0..20 {
        put(&journal, 3, 1000).wait().unwrap();
    }
    let last = "segment-000005".to_owned();
    assert!(device.names().iter().all(|name| *name < last), "{device:?}");
}

#[test]
fn after_a_panic_nothing_is_written_and_nobody_waits() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let sequence = put(&journal, 1, 10).wait().unwrap();
    let other = put(&journal, 2, 10);
    device.fail(0, Fault::Panic);
    let told = put(&journal, 3, 10).wait();
    assert!(matches!(told, Err(AppendError::Unknown(_))));
    assert!(matches!(other.wait(), Err(AppendError::Unknown(_))));
    let calls = device.calls();
    // Enough to be noted on their own.
    journal.settle(&vec![sequence; 10_000]);
    assert!(matches!(
        put(&journal, 4, 10).wait(),
        Err(AppendError::Closed)
    ));
    drop(journal);
    while device.is_locked() {
        // A leader that should not be there holds it until it is done.
        std::thread::yield_now();
    }
    assert_eq!(device.calls(), calls);
}

/// A task that owns a handle.
struct Owner {
    _handle: Mutex<Append>,
}

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

/// Two handles, the second one owned by the task that the first one is to wake, and by nobody else.
fn entangled(journal: &Journal) -> Append {
    let mut first = put(journal, 1, 10);
    let owner = Arc::new(Owner {
        _handle: Mutex::new(put(journal, 2, 10)),
    });
    let waker = Waker::from(owner);
    // It waits for the leader below.
    assert!(
        pin!(&mut first)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    first
}

/// Dropping the second handle takes the lock that dropping the first one had.
#[test]
fn a_handle_whose_task_owns_another_handle_is_dropped() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let stopped = device.stop();
    drop(entangled(&journal));
    let mut polled = entangled(&journal);
    let waker = Waker::noop();
    assert!(
        pin!(&mut polled)
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    drop(stopped);
    polled.wait().unwrap();
    journal.close().unwrap();
    assert_eq!(journal.stats().records, 4);
}
