//! An object cache in a static byte array, as a program without a heap would use it: packets that a receiver allocates
//! and a sender drops.
//!
//! `cargo run -p slab-core --example object_cache`

use std::collections::VecDeque;

use slab_core::{AllocError, SlabBox, SlabCache, SpinLock, StaticRegion};

/// Bytes of a slab, and the alignment of each.
const SLAB: usize = 4096;

/// All memory of the program's packets: slabs lie at multiples of their size, which costs up to one of them.
static MEMORY: StaticRegion<{ 8 * SLAB }> = StaticRegion::new();

type Packets = SlabCache<Packet, &'static StaticRegion<{ 8 * SLAB }>, SpinLock, SLAB>;

/// What comes in.
struct Packet {
    number: u32,
    payload: [u8; 100],
}

fn receive(packets: &Packets, number: u32) -> Result<SlabBox<Packet, SLAB>, AllocError<Packet>> {
    packets.alloc(Packet {
        number,
        payload: [number as u8; 100],
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let packets = Packets::with_spare_slabs_in(1, &MEMORY)?;
    let mut queue = VecDeque::new();
    let (mut sent, mut refused, mut checksum) = (0, 0, 0_u64);
    for number in 0..1000 {
        match receive(&packets, number) {
            Ok(packet) => queue.push_back(packet),
            // Memory is used up: the packet comes back, and the program decides.
            Err(full) => {
                refused += 1;
                assert_eq!(full.into_value().number, number);
            }
        }
        // The sender is the slower one.
        if number % 2 == 0
            && let Some(packet) = queue.pop_front()
        {
            sent += 1;
            checksum += u64::from(packet.payload[0]) + u64::from(packet.number);
        }
    }
    println!("{sent} sent, {refused} refused, {} waiting", queue.len());
    println!("checksum {checksum}; {:?}", packets.stats());
    drop(packets);
    println!("without the cache: {} bytes free", MEMORY.free_bytes());
    queue.clear();
    println!("without the packets: {} bytes free", MEMORY.free_bytes());
    assert_eq!(MEMORY.free_bytes(), 8 * SLAB);
    Ok(())
}
