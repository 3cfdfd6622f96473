//! What a simulator sees of a request: which object, how large, when it is wanted again.

use crate::trace::Request;

/// What the weight of an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Weighing {
    /// Every object weighs 1: capacities count objects.
    #[default]
    Objects,
    /// An object weighs its size: capacities count bytes.
    Bytes,
}

impl Weighing {
    /// What an object of this size takes of the capacity.
    #[inline]
    #[must_use]
    pub fn weight(self, size: u32) -> u32 {
        match self {
            Self::Objects => 1,
            Self::Bytes => size,
        }
    }
}

/// One request as a simulator sees it; a [`Catalogue`](super::Catalogue) makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The key, mixed: no two keys share a hash, so that a policy's memory of departed keys is never mistaken.
    pub hash: u64,
    /// In how many requests the object is asked for next; [`NEVER`](Self::NEVER) if it is not, or nobody knows.
    pub distance: u64,
    /// The object's number: objects are numbered from 0 as they come up first.
    pub object: u32,
    /// The object's size in bytes.
    pub size: u32,
}

impl Access {
    /// The distance of an object that is not asked for again.
    pub const NEVER: u64 = u64::MAX;

    /// The access of a request, the `position`-th of its trace counted from 1, for the object of this number.
    #[inline]
    pub(super) fn new(request: &Request, position: u64, hash: u64, object: u32) -> Self {
        Self {
            hash,
            // 0 where the trace is wrong, which is told by who reads for policies that care.
            distance: match request.next {
                Some(next) => next.saturating_sub(position),
                None => Self::NEVER,
            },
            object,
            size: request.size,
        }
    }
}

/// Spreads a key over 64 bits, one to one: each step can be undone. The finaliser of `SplitMix64` (Steele, Lea, Flood:
/// "Fast splittable pseudorandom number generators", OOPSLA 2014; constants of David Stafford's variant 13).
#[inline]
pub(super) fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::mix;

    /// Undoes [`mix`]: what has an inverse maps no two keys to one hash.
    fn unmix(hash: u64) -> u64 {
        let inverse = |odd: u64| {
            (0..6).fold(odd, |x, _| {
                x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)))
            })
        };
        let unshift =
            |value: u64, by: u32| value ^ (value >> by) ^ (value.checked_shr(2 * by).unwrap_or(0));
        let key = unshift(hash, 31).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
        let key = unshift(key, 27).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
        unshift(key, 30)
    }

    #[test]
    fn mixing_can_be_undone() {
        for key in (0..1000)
            .chain((0..64).map(|bit| 1 << bit))
            .chain([u64::MAX, u64::MAX / 3])
        {
            assert_eq!(unmix(mix(key)), key);
        }
    }
}
