//! Threads that come and go.

use std::cell::RefCell;
use std::sync::{Arc, Barrier};

use super::super::{Arena, participant, pinned};
use super::{Counted, filled, has, unlink};

thread_local! {
    static LAST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Reads while its thread's locals are destroyed.
struct AtEnd {
    arena: Arc<Arena<Counted>>,
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // Pins within each other, and one after another.
        assert!(pinned(|_| has(&self.arena, 1)));
        assert!(has(&self.arena, 2));
    }
}

#[test]
fn a_thread_reads_while_it_ends() {
    let (arena, _token, _) = filled(3);
    let arena = Arc::new(arena);
    for first in [true, false] {
        let arena = Arc::clone(&arena);
        let reader = std::thread::spawn(move || {
            // The local that is used first is destroyed last, or the other way round.
            if first {
                assert!(has(&arena, 0));
            }
            LAST.with(|last| *last.borrow_mut() = Some(AtEnd { arena }));
        });
        reader.join().expect("the thread has ended well");
    }
    assert_eq!(Arc::strong_count(&arena), 1, "both have read to the end");
}

#[test]
fn participants_are_used_again() {
    let (arena, _token, _) = filled(3);
    let before = participant::number();
    for _ in 0..500 {
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(has(&arena, 0)));
        });
    }
    // Other tests have threads too, but few at a time.
    assert!(participant::number() < before + 400);
}

#[test]
fn batches_are_not_larger_for_threads_that_have_ended() {
    let (arena, _token, _) = filled(3);
    let (arena, barrier) = (Arc::new(arena), Arc::new(Barrier::new(600)));
    let threads = [(); 600].map(|()| {
        let (arena, barrier) = (Arc::clone(&arena), Arc::clone(&barrier));
        std::thread::spawn(move || {
            assert!(has(&arena, 0));
            // All of them have a participant now.
            barrier.wait();
        })
    });
    for thread in threads {
        thread.join().expect("the thread has ended well");
    }
    assert!(participant::number() >= 600);
    // Other tests have 300 threads at most, and a few.
    assert!(participant::looks() < 450, "{}", participant::looks());
}

#[test]
fn hundreds_of_threads_read_at_once() {
    let (arena, mut token, _) = filled(3);
    let barrier = Barrier::new(301);
    std::thread::scope(|scope| {
        for _ in 0..300 {
            scope.spawn(|| {
                pinned(|_| {
                    barrier.wait();
                    assert!(has(&arena, 1));
                    barrier.wait();
                });
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        let mut writer = arena.writer(&mut token);
        unlink(&mut writer, 0);
        let mut out = Vec::new();
        writer.reclaim_all(&mut out);
        assert!(out.is_empty(), "all are pinned");
        barrier.wait();
        barrier.wait();
        while out.is_empty() {
            writer.reclaim_all(&mut out);
            std::thread::yield_now();
        }
        assert_eq!(out.len(), 1);
        barrier.wait();
    });
}
