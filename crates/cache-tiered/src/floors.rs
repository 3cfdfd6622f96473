//! Floors: of what is older than them nothing is answered.
//!
//! `invalidate_all` raises one floor for all entries, `invalidate_tag` one for those of a tag. An
//! entry with a smaller stamp than a floor that concerns it is a miss, wherever it is met.
//!
//! The floors of tags are a table of a fixed size, in which a tag has three words. Raising its
//! floor raises all three; its floor is the least of them. So a floor is never lower than it was
//! raised to, and may be higher where other tags share all three words: then an entry is loaded
//! once more than need be, which is the price of a table that never grows. With 2,000 tags
//! invalidated within the life of an entry, three entries in 100 meet that; with a hundred tags,
//! one in 100,000.

use crate::tag::Tag;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words of the table: a power of two.
const WORDS: usize = 1 << 14;
/// Words that a tag has.
const PLACES: u32 = 3;

/// Relaxed throughout: a get that starts after an invalidation has returned happens after it, so
/// it reads these words as that left them, or as raised further.
#[derive(Default)]
pub(crate) struct Floors {
    all: AtomicU64,
    /// Made when the first tag is invalidated: 128 KiB.
    tags: OnceLock<Box<[AtomicU64]>>,
}

impl Floors {
    /// The words of a tag, each by bits of their own.
    fn places(tag: &Tag) -> impl Iterator<Item = usize> {
        let hash = tag.hash_of_name();
        (0..PLACES).map(move |place| (hash >> (20 * place)) as usize & (WORDS - 1))
    }

    pub(crate) fn raise_all(&self, stamp: u64) {
        self.all.fetch_max(stamp, Ordering::Relaxed);
    }

    /// O(1).
    pub(crate) fn raise(&self, tag: &Tag, stamp: u64) {
        let words = self
            .tags
            .get_or_init(|| (0..WORDS).map(|_| AtomicU64::new(0)).collect());
        for place in Self::places(tag) {
            words[place].fetch_max(stamp, Ordering::Relaxed);
        }
    }

    /// Whether something of this stamp and these tags lies below a floor. O(tags).
    pub(crate) fn cover(&self, stamp: u64, tags: &[Tag]) -> bool {
        if stamp < self.all.load(Ordering::Relaxed) {
            return true;
        }
        if tags.is_empty() {
            return false;
        }
        let Some(words) = self.tags.get() else {
            return false;
        };
        let covers = |place: usize| stamp < words[place].load(Ordering::Relaxed);
        tags.iter().any(|tag| Self::places(tag).all(covers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_covers_what_is_older_and_of_its_tag() {
        let floors = Floors::default();
        let (red, blue) = (Tag::new("red"), Tag::new("blue"));
        let both = [blue.clone(), red.clone()];
        floors.raise(&red, 5);
        assert!(floors.cover(4, &both) && floors.cover(4, &both[1..]));
        assert!(!floors.cover(5, &both) && !floors.cover(4, &[]));
        floors.raise(&red, 3);
        assert!(floors.cover(4, &both), "it never sinks");
        floors.raise_all(8);
        assert!(floors.cover(7, &[]) && !floors.cover(8, &both));
    }

    /// The figure of the page above: a tag that was not raised is covered seldom.
    #[test]
    fn a_hundred_raised_tags_cover_no_other() {
        let floors = Floors::default();
        for number in 0..100 {
            floors.raise(&Tag::new(format!("raised {number}")), 10);
        }
        let covered = (0..10_000)
            .filter(|number| floors.cover(1, &[Tag::new(format!("other {number}"))]))
            .count();
        assert!(covered <= 10, "{covered} of 10,000");
    }
}
