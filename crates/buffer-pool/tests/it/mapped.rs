//! Memory by mmap: what the kernel says of it.

use std::alloc::Layout;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use buffer_pool::{AcquireError, BufferPool, Classes, Mapped, PooledBuf};
use rustix::param::page_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slab_core::{ProvideError, Provider};

const MIB: usize = 1 << 20;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Pages of a range that have memory behind them.
fn resident_pages(start: usize, len: usize) -> usize {
    let first = start / page_size();
    let mut entries = vec![0; len.div_ceil(page_size()) * 8];
    let pagemap = File::open("/proc/self/pagemap").unwrap();
    pagemap
        .read_exact_at(&mut entries, first as u64 * 8)
        .unwrap();
    let (entries, _) = entries.as_chunks::<8>();
    // The top bit: present. The one below: swapped out, which is memory too.
    let is_resident = |entry: &&[u8; 8]| u64::from_ne_bytes(**entry) >> 62 != 0;
    entries.iter().filter(is_resident).count()
}

/// The flags of the mapping that an address lies in, as the kernel abbreviates them.
fn flags(address: NonNull<u8>) -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut is_here = false;
    for line in maps.lines() {
        let (head, rest) = line.split_once([' ', ':']).unwrap();
        if let Some((start, end)) = head.split_once('-') {
            let number = |text| usize::from_str_radix(text, 16).unwrap();
            is_here = (number(start)..number(end)).contains(&address.addr().get());
        } else if is_here && head == "VmFlags" {
            return rest.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("{address:?} is mapped nowhere");
}

fn has_flag(address: NonNull<u8>, flag: &str) -> bool {
    flags(address).iter().any(|found| found == flag)
}

/// Whether the kernel takes advice on huge pages; one built without them does not.
fn takes_advice() -> bool {
    fs::exists("/sys/kernel/mm/transparent_hugepage").unwrap()
}

fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().count()
}

/// Bytes in memory, and bytes of address space, of this process.
fn process_bytes() -> (usize, usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let mut pages = statm.split(' ').map(|text| text.parse::<usize>().unwrap());
    let (size, resident) = (pages.next().unwrap(), pages.next().unwrap());
    (resident * page_size(), size * page_size())
}

/// Whether a sanitizer watches. It reserves terabytes for what it notes of memory, and what the kernel says of the
/// process as a whole then says nothing of the blocks.
fn is_watched() -> bool {
    process_bytes().1 > 1 << 40
}

/// Runs the rest of the test named `name` in a process where no other test runs; `false` where that is to be waited
/// for.
fn is_alone(name: &str) -> bool {
    const ALONE: &str = "STRATA_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("mapped::{name}"), "--exact", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{name} is no test: {text}");
    false
}

#[test]
fn every_size_has_every_alignment() {
    let memory = Mapped::new();
    for align in (0..=23).map(|power| 1 << power) {
        let sizes = [1, 63, 64, 100, 4095, 4096, 4097, 6144, 70_000];
        let large = [MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 5 * MIB + 3];
        let layouts = sizes.iter().chain(&large).map(|&size| layout(size, align));
        let blocks: Vec<_> = layouts
            .map(|layout| (memory.allocate_zeroed(layout).unwrap(), layout))
            .collect();
        for (block, layout) in &blocks {
            assert_eq!(block.addr().get() % align, 0, "{layout:?}");
            // SAFETY: the ends of a block of this layout.
            unsafe {
                block.write(1);
                block.add(layout.size() - 1).write(1);
            }
        }
        for (block, layout) in blocks {
            // SAFETY: of this provider, with this layout, and not used any more.
            unsafe { memory.deallocate(block, layout) };
        }
    }
    memory.trim();
    assert_eq!(memory.stats().mapped_bytes, 0);
}

#[test]
fn pools_of_every_alignment_and_of_small_classes_work() {
    for align in [1, 64, 512, 4096, 64 << 10, 2 << 20] {
        let memory = Arc::new(Mapped::new());
        let pool = BufferPool::builder()
            .provider(Arc::clone(&memory))
            .classes(Classes::down_to(64))
            .alignment(align)
            .build();
        for round in 0..2 {
            let mut held = Vec::new();
            for size in [1, 100, 3000, 4096, 5000, 100_000, MIB, 3 * MIB] {
                let mut buf = pool.acquire_zeroed(size);
                assert_eq!(buf.as_ptr().addr() % align, 0);
                assert!(buf.iter().all(|&byte| byte == 0), "{size} in round {round}");
                buf.fill(round);
                held.push(buf);
            }
        }
        drop(pool);
        memory.trim();
        let stats = memory.stats();
        assert_eq!((stats.mapped_bytes, stats.chunks), (0, 0), "{align}");
    }
}

#[test]
fn what_is_smaller_than_a_page_does_not_take_one() {
    let memory = Mapped::new();
    let sizes = [64, 6144];
    for size in sizes {
        let layout = layout(size, 1);
        let count = MIB / size;
        let blocks: Vec<_> = (0..count)
            .map(|_| memory.allocate(layout).unwrap())
            .collect();
        let used = memory.stats().chunk_bytes_used;
        assert!(used <= MIB * 9 / 8, "{count} blocks of {size} take {used}");
        for block in blocks {
            // SAFETY: of this provider, with this layout, and not used any more.
            unsafe { memory.deallocate(block, layout) };
        }
        assert_eq!(memory.stats().chunk_bytes_used, 0);
    }
}

#[test]
fn fresh_zeros_are_not_written() {
    // The memory sanitizer has to see zeros written.
    if is_watched() {
        return;
    }
    let memory = Mapped::new().huge_pages(false);
    let pool = BufferPool::builder().provider(memory).build();
    for size in [64 << 10, MIB, 8 * MIB] {
        let buf = pool.acquire_zeroed(size);
        let start = buf.as_ptr().addr();
        assert_eq!(resident_pages(start, size), 0, "{size}");
        // Reading tells the same, and takes no more than the page of zeros.
        assert!(buf.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn what_was_written_is_zero_again_when_asked_for() {
    let memory = Mapped::new();
    for size in [100, 4096, 6144, 64 << 10, MIB, 3 * MIB] {
        let layout = layout(size, 1);
        for fill in 1..4 {
            let block = memory.allocate_zeroed(layout).unwrap();
            // SAFETY: a block of this layout, which is not used any more at the end.
            unsafe {
                let bytes = std::slice::from_raw_parts_mut(block.as_ptr(), size);
                assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
                bytes.fill(fill);
                memory.deallocate(block, layout);
            }
        }
    }
}

#[test]
fn chunks_and_large_blocks_are_advised_to_have_huge_pages() {
    if !takes_advice() {
        return;
    }
    let layouts = [4096, 64 << 10, MIB, 2 * MIB, 3 * MIB].map(|size| layout(size, 1));
    for (huge, flag) in [(true, "hg"), (false, "nh")] {
        let memory = Mapped::new().huge_pages(huge);
        for layout in layouts {
            let block = memory.allocate(layout).unwrap();
            assert!(has_flag(block, flag), "{layout:?}: {:?}", flags(block));
            // SAFETY: of this provider, with this layout, and not used.
            unsafe { memory.deallocate(block, layout) };
        }
    }
    // Far apart: a huge page would be nearly empty.
    let memory = Mapped::new();
    let block = memory.allocate(layout(4096, MIB)).unwrap();
    assert!(has_flag(block, "nh"), "{:?}", flags(block));
}

#[test]
fn populated_memory_is_there_at_once() {
    let memory = Mapped::new().populate(true);
    let (small, large) = (layout(4096, 1), layout(3 * MIB, 1));
    let block = memory.allocate(small).unwrap();
    assert_eq!(
        resident_pages(block.addr().get(), 2 * MIB),
        2 * MIB / page_size(),
        "of the whole chunk, which begins here"
    );
    let other = memory.allocate(large).unwrap();
    assert_eq!(
        resident_pages(other.addr().get(), 3 * MIB),
        3 * MIB / page_size()
    );
    // SAFETY: of this provider, with these layouts, and not used.
    unsafe {
        memory.deallocate(block, small);
        memory.deallocate(other, large);
    }
}

#[test]
fn of_a_chunk_that_is_hardly_used_the_rest_goes_back() {
    for huge in [true, false] {
        let memory = Arc::new(Mapped::new().huge_pages(huge));
        let pool = BufferPool::builder()
            .provider(Arc::clone(&memory))
            .alignment(4096)
            .build();
        // Of several chunks.
        let mut held: Vec<PooledBuf> = (0..96).map(|_| pool.acquire_zeroed(64 << 10)).collect();
        held.iter_mut().for_each(|buf| buf.fill(7));
        let mut at = 0;
        held.retain(|_| {
            at += 1;
            at % 8 == 0
        });
        pool.reclaim(usize::MAX);
        let stats = memory.stats();
        assert!(
            stats.chunk_bytes_stale <= stats.chunk_bytes_used,
            "no more is kept than is in use: {stats:?}"
        );
        memory.trim();
        assert_eq!(memory.stats().chunk_bytes_stale, 0);
        // What is in use stays, and what is not is zero.
        assert!(held.iter().all(|buf| buf.iter().all(|&byte| byte == 7)));
        let chunk = held[0].as_ptr().addr() & !(2 * MIB - 1);
        let resident = resident_pages(chunk, 2 * MIB) * page_size();
        assert!(resident <= MIB, "{resident} of a chunk are in memory");
        let fresh = pool.acquire_zeroed(64 << 10);
        assert!(fresh.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn what_a_huge_page_brought_along_goes_back_too() {
    let memory = Mapped::new();
    let layouts = [64 << 10; 4].map(|size| layout(size, 1));
    let blocks = layouts.map(|layout| memory.allocate(layout).unwrap());
    // Perhaps a huge page, of which seven eighths are never given out.
    blocks.iter().for_each(|block| {
        // SAFETY: a block of this size.
        unsafe { block.write_bytes(1, 64 << 10) }
    });
    // SAFETY: of this provider, with these layouts, and not used any more.
    unsafe {
        (1..4).for_each(|at| memory.deallocate(blocks[at], layouts[at]));
    }
    let chunk = blocks[0].addr().get() & !(2 * MIB - 1);
    assert_eq!(
        resident_pages(chunk, 2 * MIB) * page_size(),
        64 << 10,
        "what is in use"
    );
}

#[test]
fn memory_goes_back_to_the_system() {
    if is_watched() || !is_alone("memory_goes_back_to_the_system") {
        return;
    }
    let pool = BufferPool::builder().provider(Mapped::new()).build();
    let (before, _) = process_bytes();
    let mut held: Vec<_> = (0..128)
        .map(|at| pool.acquire_zeroed((64 << 10) * (1 + at % 16)))
        .collect();
    held.iter_mut().for_each(|buf| buf.fill(1));
    let bytes: usize = held.iter().map(|buf| buf.capacity()).sum();
    let (full, _) = process_bytes();
    assert!(full - before >= bytes, "{full} {before} {bytes}");
    drop(held);
    pool.reclaim(usize::MAX);
    let (after, _) = process_bytes();
    // One spare chunk, and what the process itself needed.
    assert!(after <= before + 4 * MIB, "{before} {full} {after}");
}

#[test]
fn many_blocks_are_few_mappings() {
    if is_watched() || !is_alone("many_blocks_are_few_mappings") {
        return;
    }
    let memory = Mapped::new();
    let before = mappings();
    let layouts = [layout(4096, 4096), layout(100, 1), layout(4096, 64 << 10)];
    let blocks: Vec<_> = (0..30_000)
        .map(|at| layouts[at % 3])
        .map(|layout| (memory.allocate(layout).unwrap(), layout))
        .collect();
    let chunks = memory.stats().chunks;
    assert!(chunks > 300, "{chunks}");
    // Neighbours of one kind are one mapping to the kernel; at worst each chunk is one.
    let made = mappings() - before;
    assert!(made <= chunks, "{made} mappings of {chunks} chunks");
    for (block, layout) in blocks {
        // SAFETY: of this provider, with this layout, and not used.
        unsafe { memory.deallocate(block, layout) };
    }
    memory.trim();
    assert_eq!(memory.stats().mapped_bytes, 0);
    let left = mappings();
    assert!(left <= before + 4, "{before} mappings became {left}");
}

#[test]
fn a_limit_of_the_system_is_an_error() {
    if !is_alone("a_limit_of_the_system_is_an_error") {
        return;
    }
    let memory = Arc::new(Mapped::new());
    let pool = BufferPool::builder()
        .provider(Arc::clone(&memory))
        .classes(Classes::custom(&[64 << 10, MIB]).unwrap())
        .build();
    let fill = |held: &mut Vec<PooledBuf>, size, most| {
        while held.len() < most {
            match pool.try_acquire(size) {
                Ok(buf) => held.push(buf),
                Err(error) => return Some(error),
            }
        }
        None
    };
    // First without the limit, so that nothing but blocks needs memory later.
    let mut held = Vec::with_capacity(512);
    assert_eq!(fill(&mut held, MIB, 128), None);
    held.clear();
    pool.reclaim(usize::MAX);
    memory.trim();

    let limits = getrlimit(Resource::As);
    let (_, size) = process_bytes();
    let current = Some((size + 64 * MIB) as u64);
    setrlimit(Resource::As, Rlimit { current, ..limits }).unwrap();
    let refused = fill(&mut held, MIB, 128);
    let granted = held.len();
    let larger = memory.allocate(layout(256 * MIB, 1));
    held.clear();
    pool.reclaim(usize::MAX);
    memory.trim();
    let again = fill(&mut held, 64 << 10, 256);
    held.clear();
    setrlimit(Resource::As, limits).unwrap();

    assert_eq!(refused, Some(AcquireError::Alloc { bytes: MIB }));
    // 32 chunks, and the half of one that headers lie in.
    assert!((32..=65).contains(&granted), "{granted}");
    assert_eq!(larger, Err(ProvideError::Exhausted));
    assert_eq!(again, None, "what went back can be had again");
    drop(pool);
    memory.trim();
    assert_eq!(memory.stats().mapped_bytes, 0);
}

#[test]
fn blocks_go_back_on_any_thread() {
    let memory = Arc::new(Mapped::new());
    let rounds = if cfg!(debug_assertions) { 400 } else { 4000 };
    let sizes = [64, 4096, 6144, 64 << 10, 300_000, MIB, MIB + 1, 2 * MIB];
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| channel()).unzip();
    thread::scope(|scope| {
        for (number, receiver) in receivers.into_iter().enumerate() {
            let next = senders[(number + 1) % senders.len()].clone();
            let memory = &memory;
            scope.spawn(move || {
                let mut seed = number as u64 + 1;
                for _ in 0..rounds {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let layout = layout(sizes[(seed >> 60) as usize % sizes.len()], 1);
                    let block = memory.allocate_zeroed(layout).unwrap();
                    let ends = [0, layout.size() - 1];
                    for at in ends {
                        // SAFETY: inside of the block.
                        unsafe {
                            assert_eq!(block.add(at).read(), 0);
                            block.add(at).write(1);
                        }
                    }
                    // The address alone: pointers are not `Send`.
                    next.send((block.expose_provenance(), layout)).unwrap();
                    if let Ok((address, layout)) = receiver.try_recv() {
                        free(memory, address, layout);
                    }
                }
                drop(next);
                receiver
                    .iter()
                    .for_each(|(address, layout)| free(memory, address, layout));
            });
        }
        drop(senders);
    });
    memory.trim();
    let stats = memory.stats();
    assert_eq!(
        (stats.mapped_bytes, stats.large_blocks),
        (0, 0),
        "{stats:?}"
    );
}

/// Frees what another thread allocated, and wrote to.
fn free(memory: &Mapped, address: std::num::NonZero<usize>, layout: Layout) {
    let block = NonNull::<u8>::with_exposed_provenance(address);
    // SAFETY: of this provider, with this layout, and not used any more.
    unsafe {
        assert_eq!(block.read(), 1);
        memory.deallocate(block, layout);
    }
}

#[test]
fn a_block_of_no_bytes_takes_nothing() {
    let memory = Mapped::new();
    let nothing = layout(0, 4096);
    let block = memory.allocate(nothing).unwrap();
    assert_eq!(block.addr().get() % 4096, 0);
    // SAFETY: of this provider, with this layout.
    unsafe { memory.deallocate(block, nothing) };
    assert_eq!(memory.stats(), Mapped::new().stats());
}

#[test]
fn more_than_there_are_addresses_is_refused() {
    let memory = Mapped::new();
    for layout in [layout(isize::MAX as usize, 1), layout(1 << 46, 1 << 46)] {
        assert!(memory.allocate(layout).is_err());
    }
    assert_eq!(memory.stats().mapped_bytes, 0);
}
