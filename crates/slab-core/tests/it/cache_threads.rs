//! The object cache shared by threads: what ends first, and what may go where.

use std::cell::Cell;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use slab_core::{Global, LocalCache, SlabBox, SlabCache, SpinLock};

use crate::cache::{Watched, small, watched};

#[test]
fn what_may_go_to_another_thread() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}

    send::<SlabBox<Cell<u8>>>();
    sync::<SlabBox<u8>>();
    send::<SlabCache<*mut u8>>();
    sync::<SlabCache<*mut u8>>();
    send::<LocalCache<*mut u8>>();

    /// Compiles only if the type does not have the trait: else the choice of `_` is ambiguous.
    macro_rules! refuses {
        ($marker:ident: $($type:ty),+ $(,)?) => {{
            trait Ambiguous<A> {
                fn chosen() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $marker> Ambiguous<u8> for T {}
            $(<$type as Ambiguous<_>>::chosen();)+
        }};
    }
    refuses!(Send: SlabBox<*mut u8>, SlabBox<std::rc::Rc<u8>>, slab_core::LocalBox<'_, u8>);
    refuses!(Sync: SlabBox<Cell<u8>>, LocalCache<u8>, slab_core::LocalBox<'_, u8>);
}

#[test]
fn a_producer_and_a_consumer() {
    let memory = watched();
    let cache = small::<u64>(2, &memory);
    let (sender, receiver) = sync_channel::<SlabBox<u64, 1024>>(500);
    let producer = {
        let cache = cache.clone();
        thread::spawn(move || {
            let local = cache.local().unwrap();
            for n in 0..200_000 {
                let stored = local.alloc(n).unwrap();
                sender.send(stored.into_shared()).unwrap();
            }
            cache.stats().slabs
        })
    };
    let sum: u64 = receiver.iter().map(|it| *it).sum();
    let slabs = producer.join().unwrap();
    assert_eq!(sum, 199_999 * 100_000);
    // 500 values in the channel take 5 slabs: what is freed elsewhere is used again.
    assert!(slabs < 50, "{slabs}");
    drop(cache);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn values_go_round_between_threads() {
    const THREADS: usize = 4;
    let memory = watched();
    let cache = small::<[usize; 3]>(2, &memory);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    let threads: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(me, receiver)| {
            let (cache, next) = (cache.clone(), senders[(me + 1) % THREADS].clone());
            thread::spawn(move || {
                let local = cache.local().unwrap();
                for n in 0..20_000 {
                    let stored = if n % 3 == 0 {
                        cache.alloc([me, n, 0]).unwrap()
                    } else {
                        local.alloc([me, n, 0]).unwrap().into_shared()
                    };
                    // The last thread to end may find nobody left to send to.
                    let _ = next.send(stored);
                    if let Ok(mut got) = receiver.try_recv() {
                        got[2] = me;
                        assert_eq!((got[0] + 1) % THREADS, me);
                        if n % 2 == 0 {
                            local.free(got);
                        }
                    }
                }
                receiver
            })
        })
        .collect();
    drop(senders);
    drop(cache);
    // The local caches are gone; the channels hold values still.
    let left: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
    for receiver in left {
        for (n, stored) in receiver.iter().enumerate() {
            assert!(stored[0] < THREADS && n < 20_000);
        }
    }
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn threads_that_end_before_their_boxes() {
    let memory = watched();
    let cache = small::<String>(1, &memory);
    let boxes: Vec<_> = (0..8)
        .map(|thread| {
            let cache = cache.clone();
            thread::spawn(move || {
                let local = cache.local().unwrap();
                (0..100)
                    .map(|n| local.alloc(format!("{thread}/{n}")).unwrap().into_shared())
                    .collect::<Vec<_>>()
            })
        })
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    drop(cache);
    for (n, text) in boxes.iter().enumerate() {
        assert_eq!(**text, format!("{}/{}", n / 100, n % 100));
    }
    // The last boxes go on several threads at once.
    let mut parts: Vec<Vec<_>> = (0..4).map(|_| Vec::new()).collect();
    for (n, text) in boxes.into_iter().enumerate() {
        parts[n % 4].push(text);
    }
    thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || drop(part));
        }
    });
    assert_eq!(memory.live_blocks(), 0);
}

#[test]
fn the_last_handle_goes_while_boxes_are_freed() {
    for round in 0..300 {
        let memory = watched();
        let cache = small::<u64>(round % 3, &memory);
        let local: LocalCache<u64, Watched, SpinLock, 1024> = cache.local().unwrap();
        let boxes: Vec<_> = (0..400)
            .map(|n| match n % 2 {
                0 => cache.alloc(n).unwrap(),
                _ => local.alloc(n).unwrap().into_shared(),
            })
            .collect();
        let (left, right): (Vec<_>, Vec<_>) = boxes.into_iter().partition(|it| **it % 3 == 0);
        thread::scope(|scope| {
            scope.spawn(|| drop(left));
            scope.spawn(|| drop(right));
            scope.spawn(|| drop(local));
            drop(cache);
        });
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn everything_goes_back_in_each_order_of_death_and_on_each_thread() {
    // The cache, a local cache and the boxes of both end in each order, each on this thread or on one of its own.
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for threads in 0..8_u32 {
            let memory = watched();
            let cache = small::<Vec<u32>>(2, &memory);
            let local = cache.local().unwrap();
            let boxes: Vec<_> = (0..200)
                .flat_map(|n| {
                    let own = local.alloc(vec![n]).unwrap().into_shared();
                    [cache.alloc(vec![n]).unwrap(), own]
                })
                .collect();
            let check = move || assert!(boxes.iter().zip(0..).all(|(it, n)| **it == [n / 2]));
            let mut owners: [Option<Box<dyn FnOnce() + Send>>; 3] = [
                Some(Box::new(move || drop(cache))),
                Some(Box::new(move || drop(local))),
                Some(Box::new(check)),
            ];
            for (nth, owner) in order.into_iter().enumerate() {
                assert!(memory.live_bytes() > 0);
                let end = owners[owner].take().expect("each ends once");
                match threads >> nth & 1 {
                    0 => end(),
                    _ => thread::spawn(end).join().unwrap(),
                }
            }
            assert_eq!(memory.live_blocks(), 0, "{order:?} on {threads:b}");
            assert_eq!(memory.live_bytes(), 0, "{order:?} on {threads:b}");
        }
    }
}

#[test]
fn a_local_cache_moves_to_another_thread() {
    let cache = SlabCache::<u64, Global>::new().unwrap();
    let local = cache.local().unwrap();
    let kept = local.alloc(1).unwrap().into_shared();
    let local = thread::spawn(move || {
        local.free(kept);
        assert_eq!(*local.alloc(2).unwrap(), 2);
        local
    })
    .join()
    .unwrap();
    assert_eq!(*local.alloc(3).unwrap(), 3);
    assert_eq!(cache.stats().slabs, 1);
}

#[test]
fn the_spin_lock_lets_one_in() {
    let count = lock_api::Mutex::<SpinLock, u64>::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    *count.lock() += 1;
                }
            });
        }
    });
    let held = count.lock();
    assert_eq!(*held, 40_000);
    assert!(count.is_locked() && count.try_lock().is_none());
    drop(held);
    assert!(!count.is_locked());
}
