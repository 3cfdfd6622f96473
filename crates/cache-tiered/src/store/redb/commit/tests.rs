//! Group commit, with the leader held inside the backend.

use super::*;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use std::io;
use std::thread;

/// Holds the first write of a transaction while the gate is shut.
#[derive(Debug, Default)]
struct Gate {
    shut: Mutex<bool>,
    held: Mutex<bool>,
    opened: Condvar,
    /// The next sync fails; those after it do not.
    failing: Mutex<bool>,
}

#[derive(Debug)]
struct Gated {
    inner: InMemoryBackend,
    gate: Arc<Gate>,
}

impl StorageBackend for Gated {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if std::mem::take(&mut *self.gate.failing.lock()) {
            return Err(io::ErrorKind::Other.into());
        }
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut shut = self.gate.shut.lock();
        *self.gate.held.lock() = *shut;
        while *shut {
            self.gate.opened.wait(&mut shut);
        }
        self.inner.write(offset, data)
    }
}

fn put(key: u8) -> Vec<Change> {
    vec![Change {
        key: vec![key],
        value: Some(vec![key; 10]),
    }]
}

/// A file whose syncs are real, over a gated medium.
fn gated(gate: &Arc<Gate>) -> (Reopening, Arc<Syncs>) {
    let syncs = Arc::new(Syncs::new(true));
    let shared = Arc::clone(gate);
    let opener = move |_| {
        let (inner, gate) = (InMemoryBackend::new(), Arc::clone(&shared));
        Ok(Box::new(Gated { inner, gate }) as Box<dyn StorageBackend>)
    };
    let opener = Box::new(opener);
    let file = Reopening::open("memory".into(), opener, 1 << 20, Arc::clone(&syncs)).unwrap();
    (file, syncs)
}

#[test]
fn batches_that_wait_while_one_commits_share_the_next_commit() {
    let gate = Arc::new(Gate::default());
    let (file, syncs) = gated(&gate);
    let committer = Committer::new();
    *gate.shut.lock() = true;
    thread::scope(|scope| {
        let submit = |key: u8| committer.submit(&file, &syncs, put(key)).unwrap();
        let first = scope.spawn(move || submit(0));
        while !*gate.held.lock() {
            thread::yield_now();
        }
        let others: Vec<_> = (1..8).map(|key| scope.spawn(move || submit(key))).collect();
        while committer.queue.lock().requests.len() < 7 {
            thread::yield_now();
        }
        *gate.shut.lock() = false;
        gate.opened.notify_all();
        assert!(!first.join().unwrap().existed(0));
        for other in others {
            assert!(!other.join().unwrap().existed(0));
        }
    });
    assert_eq!(
        committer.counts(),
        (2, 8),
        "one for the first, one for all others"
    );
    let request = |key| Request {
        changes: put(key),
        seat: Arc::default(),
    };
    let held = file.step(|database| holds(database, &(0..8).map(request).collect::<Vec<_>>()));
    assert!(matches!(held, Ok(true)));
}

#[test]
fn a_sync_that_fails_beside_a_commit_leaves_that_commit_unknown() {
    // A device tells of lost pages once: to the flush here, so that the commit's own sync succeeds.
    let gate = Arc::new(Gate::default());
    let (file, syncs) = gated(&gate);
    let committer = Committer::new();
    *gate.shut.lock() = true;
    thread::scope(|scope| {
        let put = scope.spawn(|| committer.submit(&file, &syncs, put(0)));
        while !*gate.held.lock() {
            thread::yield_now();
        }
        *gate.failing.lock() = true;
        assert!(matches!(file.sync(), Ok(Err(_))));
        *gate.shut.lock() = false;
        gate.opened.notify_all();
        let outcome = put.join().unwrap();
        assert!(
            matches!(outcome, Err(ApplyError::Unknown(RedbError::Unsynced))),
            "{outcome:?}"
        );
    });
}

#[test]
fn a_group_is_bounded_by_its_bytes_and_has_at_least_one_batch() {
    let committer = Committer::new();
    for bytes in [
        2 * GROUP_BYTES_MAX,
        GROUP_BYTES_MAX / 2,
        GROUP_BYTES_MAX / 2,
        1,
    ] {
        let changes = vec![Change {
            key: vec![0; bytes],
            value: None,
        }];
        committer.queue.lock().requests.push_back(Request {
            changes,
            seat: Arc::default(),
        });
    }
    let sizes: Vec<_> = std::iter::repeat_with(|| committer.take_group().len())
        .take(4)
        .collect();
    assert_eq!(sizes, [1, 2, 1, 0]);
}
