//! Quotas, and the shares of a capacity that follow from them.

use alloc::vec;
use alloc::vec::Vec;

/// What a partition may have of the capacity.
///
/// ```
/// use cache_policies::Quota;
///
/// // At least a tenth of 1,000, at most a half, and twice of what there is beyond as others get.
/// let quota = Quota { min: 100, max: 500, weight: 2 };
/// assert_eq!(Quota::default(), Quota { min: 0, max: u64::MAX, weight: 1 });
/// # let _ = quota;
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// The weight of entries that the others leave it in any case. Where it has less, others may use the rest.
    pub min: u64,
    /// The weight of entries that it never exceeds, however much room there is.
    pub max: u64,
    /// How much of the room it gets in proportion to the others, within `min` and `max`. With 0 it gets `min`, and
    /// beyond that only what nobody else uses.
    pub weight: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            min: 0,
            max: u64::MAX,
            weight: 1,
        }
    }
}

/// A quota was not taken. All is as it was.
///
/// ```
/// use cache_policies::{FifoConfig, Fifo, Partitions, Quota, QuotaError};
///
/// let mut partitions = Partitions::<Fifo>::new(100, FifoConfig::default())?;
/// let quota = Quota { min: 101, ..Quota::default() };
/// assert_eq!(partitions.add(quota), Err(QuotaError::Overcommitted { min: 101, capacity: 100 }));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// What all partitions are to have at least is more than the capacity.
    #[error(
        "the partitions are to have at least {min} together, of a capacity of {capacity}: lower a minimum or raise the capacity"
    )]
    Overcommitted {
        /// The sum of the minima.
        min: u64,
        /// The capacity.
        capacity: u64,
    },
    /// The partition would have to have more than it may have.
    #[error("the minimum {min} is over the maximum {max}: lower it")]
    Crossed {
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// What is pinned would not fit.
    #[error("pinned entries take {pinned}: unpin some or choose a limit of at least that")]
    Pinned {
        /// The weight of the pinned entries.
        pinned: u64,
    },
    /// There are 65,536 partitions already.
    #[error("there are 65,536 partitions already: let keys share some")]
    TooMany,
}

/// Checks quotas against each other and a capacity.
pub(super) fn validate(
    capacity: u64,
    quotas: impl Iterator<Item = Quota>,
) -> Result<(), QuotaError> {
    let mut sum = 0_u64;
    for Quota { min, max, .. } in quotas {
        if min > max {
            return Err(QuotaError::Crossed { min, max });
        }
        sum = sum.saturating_add(min);
    }
    match sum > capacity {
        true => Err(QuotaError::Overcommitted { min: sum, capacity }),
        false => Ok(()),
    }
}

/// What each partition gets if all want all they can have: the same for each unit of its quota's weight, but no less than its
/// minimum and no more than its maximum, rounded down. O(partitions^2) at most.
///
/// Each round divides what is left in proportion. If the minima then ask for more than the maxima give back, those below their
/// minimum get that for good, otherwise those above their maximum; at least one a round.
pub(super) fn shares(capacity: u64, quotas: &[Quota]) -> Vec<u64> {
    let mut shares = vec![0; quotas.len()];
    let mut open: Vec<usize> = (0..quotas.len()).collect();
    let mut left = capacity;
    while !open.is_empty() {
        let weights: u64 = open.iter().map(|&at| u64::from(quotas[at].weight)).sum();
        let (mut more, mut less) = (0_u128, 0_u128);
        for &at in &open {
            let Quota { min, max, weight } = quotas[at];
            let part = u128::from(left) * u128::from(weight) / u128::from(weights.max(1));
            let part = u64::try_from(part).expect("a part of the whole");
            shares[at] = part.clamp(min, max);
            more += u128::from(min.saturating_sub(part));
            less += u128::from(part.saturating_sub(max));
        }
        let before = open.len();
        open.retain(|&at| {
            let Quota { min, max, .. } = quotas[at];
            let stays = match more.cmp(&less) {
                core::cmp::Ordering::Greater => shares[at] > min,
                core::cmp::Ordering::Less => shares[at] < max,
                core::cmp::Ordering::Equal => false,
            };
            if !stays {
                left = left.saturating_sub(shares[at]);
            }
            stays
        });
        debug_assert!(open.len() < before, "each round settles a share");
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::{Quota, shares};
    use std::vec::Vec;

    fn quota(min: u64, max: u64, weight: u32) -> Quota {
        Quota { min, max, weight }
    }

    #[test]
    fn shares_are_in_proportion_within_their_bounds() {
        let all = u64::MAX;
        assert_eq!(shares(100, &[]), []);
        assert_eq!(shares(100, &[Quota::default()]), [100]);
        assert_eq!(shares(100, &[quota(0, all, 3), quota(0, all, 1)]), [75, 25]);
        assert_eq!(shares(100, &[quota(0, 30, 3), quota(0, all, 1)]), [30, 70]);
        assert_eq!(
            shares(100, &[quota(0, all, 3), quota(40, all, 1)]),
            [60, 40]
        );
        assert_eq!(shares(100, &[quota(0, all, 0), quota(0, all, 1)]), [0, 100]);
        assert_eq!(shares(100, &[quota(10, all, 0), quota(0, 20, 1)]), [10, 20]);
        let most = [quota(0, all, u32::MAX), quota(0, all, u32::MAX)];
        assert_eq!(shares(u64::MAX, &most), [u64::MAX / 2; 2]);
    }

    /// Any two partitions: who could have more has no less for its weight than who could have less.
    #[test]
    fn shares_are_level() {
        let mut state = 7_u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) % bound
        };
        for _ in 0..20_000 {
            let capacity = 200 + below(1000);
            let quotas: Vec<Quota> = (0..1 + below(6))
                .map(|_| {
                    let min = below(4) * below(40);
                    let max = [u64::MAX, min + below(300)][below(2) as usize];
                    quota(min, max, below(5) as u32)
                })
                .collect();
            let mins: u64 = quotas.iter().map(|quota| quota.min).sum();
            if mins > capacity {
                continue;
            }
            let shares = shares(capacity, &quotas);
            let all: u64 = shares.iter().sum();
            assert!(all <= capacity, "{quotas:?} {shares:?}");
            for (one, share) in quotas.iter().zip(&shares) {
                assert!((one.min..=one.max).contains(share));
                let wants_more = *share < one.max && one.weight > 0;
                let spare = capacity - all;
                assert!(
                    !wants_more || spare <= quotas.len() as u64,
                    "{spare} are left: {quotas:?}"
                );
                for (other, other_share) in quotas.iter().zip(&shares) {
                    if wants_more && *other_share > other.min {
                        // Rounded down both, so one unit of slack each.
                        let here = (share + 1) * u64::from(other.weight);
                        let there = (other_share - 1) * u64::from(one.weight);
                        assert!(here >= there, "{quotas:?} {shares:?} of {capacity}");
                    }
                }
            }
        }
    }
}
