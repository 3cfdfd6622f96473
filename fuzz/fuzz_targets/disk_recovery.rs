//! A directory of crafted files as a disk tier: opened or refused, in memory that the files warrant, never a panic, and
//! never with a value that no entry has, or that was removed.
#![no_main]

use arbitrary::Arbitrary;
use cache_tiered::disk_fuzzing::{
    CraftedEntry, CraftedFences, CraftedFooter, CraftedRegion, CraftedTier, File, recover,
};
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What the tier itself takes, with its file of regions, and how many times the bytes of all files.
const OWN_BYTES: usize = 4 << 20;
const TIMES: usize = 16;

#[derive(Arbitrary, Debug)]
struct Entry {
    key: u8,
    stamp: u8,
    expiry: Option<u16>,
    compression: Option<u8>,
    tags: Option<Vec<u64>>,
}

#[derive(Arbitrary, Debug)]
struct Footer {
    without: u8,
    more: Vec<(u8, u8, u16, u16)>,
}

#[derive(Arbitrary, Debug)]
struct Region {
    number: Option<u8>,
    ordinal: u8,
    batches: Vec<Vec<Entry>>,
    footer: Option<Footer>,
}

#[derive(Arbitrary, Debug)]
struct Fences {
    says: Option<u8>,
    ordinal: u8,
    fences: Vec<(u8, u8, u8)>,
    bytes: Option<u32>,
}

#[derive(Arbitrary, Debug)]
struct Run {
    closed: bool,
    /// What no run of a tier leaves; without it files contradict each other only where bits turned.
    odd: Option<Odd>,
    first_fences: u8,
    regions: [Region; 4],
    fences: Vec<Fences>,
    /// Bits to turn, and bytes to keep, by the number of the file.
    turned: Vec<(u8, u16, u8)>,
    kept: Option<(u8, u16)>,
    durable: bool,
}

#[derive(Arbitrary, Debug)]
struct Odd {
    epochs: (u8, u8),
    regions_say: Option<u32>,
    ordinal_high: u8,
    fences_say: Option<(u8, u16)>,
    /// Files of any name.
    others: Vec<(String, Vec<u8>)>,
}

fn entry(entry: Entry) -> CraftedEntry {
    CraftedEntry {
        key: entry.key,
        stamp: entry.stamp.into(),
        expiry: entry.expiry.unwrap_or(0),
        compression: entry.compression.unwrap_or(0),
        tags: entry.tags.unwrap_or_default(),
    }
}

fn region(at: u8, region: Region, is_odd: bool) -> CraftedRegion {
    let batches = region.batches.into_iter();
    CraftedRegion {
        number: region.number.filter(|_| is_odd),
        ordinal: if is_odd {
            region.ordinal
        } else {
            1 + at + 4 * (region.ordinal % 32)
        },
        batches: batches
            .map(|batch| batch.into_iter().map(entry).collect())
            .collect(),
        footer: region.footer.map(|footer| CraftedFooter {
            without: footer.without % 4,
            more: (footer.more.into_iter())
                .map(|(key, stamp, offset, bytes)| (key, stamp.into(), offset, bytes))
                .collect(),
        }),
    }
}

fn fences(number: u8, fences: Fences, is_odd: bool) -> CraftedFences {
    CraftedFences {
        number,
        says: fences.says.filter(|_| is_odd),
        ordinal: if is_odd { fences.ordinal } else { 0 },
        fences: (fences.fences.into_iter())
            .map(|(kind, key, stamp)| (kind, key, stamp.into()))
            .collect(),
        bytes: fences.bytes.filter(|_| is_odd),
    }
}

fn files(mut run: Run) -> Vec<File> {
    let is_odd = run.odd.is_some();
    // A tier has a file of fences, if an empty one.
    if run.fences.is_empty() && !is_odd {
        run.fences.push(Fences {
            says: None,
            ordinal: 0,
            fences: Vec::new(),
            bytes: None,
        });
    }
    let odd = run.odd.unwrap_or(Odd {
        epochs: (2, 3),
        regions_say: None,
        ordinal_high: u8::MAX,
        fences_say: None,
        others: Vec::new(),
    });
    let tier = CraftedTier {
        closed: run.closed,
        epochs: odd.epochs,
        regions_say: odd.regions_say,
        ordinal_high: odd.ordinal_high,
        fences_say: odd.fences_say,
        regions: (0..)
            .zip(run.regions)
            .map(|(at, crafted)| region(at, crafted, is_odd))
            .collect(),
        fences: (run.first_fences..=u8::MAX)
            .zip(run.fences)
            .map(|(number, crafted)| fences(number, crafted, is_odd))
            .collect(),
    };
    let mut files = tier.files();
    for (number, at, mask) in run.turned {
        let number = usize::from(number) % files.len();
        if let Some(byte) = files[number].1.get_mut(usize::from(at)) {
            *byte ^= mask;
        }
    }
    if let Some((number, kept)) = run.kept {
        let number = usize::from(number) % files.len();
        files[number].1.truncate(kept.into());
    }
    for (name, bytes) in odd.others {
        if files.iter().all(|(other, _)| *other != name) {
            files.push((name, bytes));
        }
    }
    files
}

fuzz_target!(|run: Run| {
    let durable = run.durable;
    let files = files(run);
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let _opened = recover(&files, durable);
    let taken = HEAP.peak_usage().saturating_sub(before);
    assert!(
        taken <= OWN_BYTES + TIMES * bytes,
        "{taken} bytes for files of {bytes}"
    );
});
