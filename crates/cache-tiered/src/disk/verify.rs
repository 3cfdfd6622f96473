//! `verify`: reads everything that the index has, and says what of it is damaged.

use super::Disk;
use super::format::EntryHeader;
use super::index::Place;
use super::scan::scan;

/// What a look at every entry of a disk tier found; from
/// [`Tiered::verify_disk`](crate::Tiered::verify_disk).
///
/// ```
/// use cache_tiered::{DiskTier, InMemory, MemoryTier, Tiered};
///
/// let folder = tempfile::tempdir()?;
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(10))
///     .disk(DiskTier::new(folder.path().join("cache")).capacity(1 << 20))
///     .store(InMemory::new())
///     .build()?;
/// for key in 0..100 {
///     cache.put(key, format!("number {key}")).wait()?;
/// }
/// let report = cache.verify_disk().wait().expect("there is a disk tier");
/// assert_eq!((report.sound, report.damaged, report.unread), (90, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskReport {
    /// Entries that are as they were written.
    pub sound: u64,
    /// Entries that are not, and were dropped.
    pub damaged: u64,
    /// Regions that the device could not read, or of which it is not known what is in them.
    pub unread: u64,
    /// Bytes of the sound entries.
    pub bytes: u64,
}

impl Disk {
    /// Reads every entry, and drops the damaged ones. O(bytes); the tier may be used meanwhile.
    pub(crate) fn verify(&self) -> DiskReport {
        self.flush();
        let mut report = DiskReport::default();
        for region in 0..self.layout.regions {
            let Some(ordinal) = self.regions.ordinal(region) else {
                continue;
            };
            match scan(&*self.file, &self.layout, region, ordinal, |key| {
                self.hash(key)
            }) {
                Ok(scanned) => {
                    for record in scanned.records {
                        self.verify_at(record.hash, record.place(region), ordinal, &mut report);
                    }
                }
                Err(_) => {
                    self.counts.read_errors.add();
                    report.unread += 1;
                }
            }
        }
        report
    }

    fn verify_at(&self, hash: u64, place: Place, ordinal: u64, report: &mut DiskReport) {
        let is_there = |now: Place| now.is_at(place);
        if !self.index.get(hash).is_some_and(is_there) {
            return;
        }
        let seed = self.layout.seed(place.region(), ordinal);
        let sound = self.bytes_of(place).is_some_and(|bytes| {
            let header = EntryHeader::parse(&bytes, &seed, place.offset());
            header.is_some_and(|header| header.parts(&bytes).is_some())
        });
        if sound {
            report.sound += 1;
            report.bytes += place.bytes();
        } else if self.index.get(hash).is_some_and(is_there) {
            report.damaged += 1;
            self.counts.damaged.add();
            self.forget(hash, place, self.next_stamp());
        }
    }
}
