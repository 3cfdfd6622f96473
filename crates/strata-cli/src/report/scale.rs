//! From values to places on an axis, and which values to name there.

use crate::units;

/// What an axis counts, and how: on a logarithmic scale, but for progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Things: 1, 2, 5, 10, ... shown as `5k`.
    #[default]
    Count,
    /// Bytes: powers of 2, shown as `64 MiB`.
    Bytes,
    /// How far something has come, on an even scale from 0 on: shown as `50k`.
    Progress,
}

impl Unit {
    /// A value as an axis shows it.
    ///
    /// ```
    /// use strata_cli::report::Unit;
    ///
    /// assert_eq!(Unit::Count.show(20_000), "20k");
    /// assert_eq!(Unit::Bytes.show(64 << 20), "64 MiB");
    /// ```
    #[must_use]
    pub fn show(self, value: u64) -> String {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000_000, "T"),
            (1_000_000_000, "G"),
            (1_000_000, "M"),
            (1000, "k"),
        ];
        if self == Self::Bytes {
            return units::Bytes::new(value).to_string();
        }
        match UNITS
            .iter()
            .find(|(unit, _)| value.is_multiple_of(*unit) && value > 0)
        {
            Some((unit, letter)) => format!("{}{letter}", value / unit),
            None => value.to_string(),
        }
    }

    /// The place of a value, in steps of one length.
    pub(super) fn place(self, value: u64) -> f64 {
        match self {
            Self::Count | Self::Bytes => (value.max(1) as f64).ln(),
            Self::Progress => value as f64,
        }
    }

    /// Values from `first` to `last` to name on the axis, at most `max` of them if that leaves any.
    pub(super) fn ticks(self, first: u64, last: u64, max: usize) -> Vec<u64> {
        if self == Self::Progress {
            // As whole numbers; the last one lies behind the end, but where the end is round.
            let ticks = ratio_ticks(first as f64, last as f64, max.saturating_sub(1));
            let whole = ticks.into_iter().filter(|tick| tick.fract() == 0.0);
            return whole
                .map(|tick| tick as u64)
                .filter(|tick| (first..=last).contains(tick))
                .collect();
        }
        let candidates: Vec<Vec<u64>> = match self {
            Self::Count => {
                let decades = || (0..20).map(|exponent| 10_u64.pow(exponent));
                let times = |factors: &'static [u64]| {
                    decades()
                        .flat_map(|decade| {
                            factors.iter().filter_map(move |by| decade.checked_mul(*by))
                        })
                        .collect()
                };
                let sparse = |by: usize| decades().step_by(by).collect();
                vec![
                    times(&[1, 2, 3, 4, 5, 6, 7, 8, 9]),
                    times(&[1, 2, 5]),
                    times(&[1, 3]),
                    times(&[1]),
                    sparse(2),
                    sparse(4),
                ]
            }
            Self::Bytes | Self::Progress => [1, 2, 4, 5, 10, 20]
                .map(|by| (0..64).step_by(by).map(|exponent| 1 << exponent).collect())
                .into(),
        };
        let within = |ticks: &Vec<u64>| -> Vec<u64> {
            ticks
                .iter()
                .copied()
                .filter(|tick| (first..=last).contains(tick))
                .collect()
        };
        let fitting = candidates
            .iter()
            .map(within)
            .find(|ticks| ticks.len() <= max);
        match fitting {
            Some(ticks) if !ticks.is_empty() => ticks,
            _ => vec![first],
        }
    }
}

/// The axis of a ratio: values at even steps of 1, 2, 2.5 or 5 times a power of ten, the first not above `low`, the last not below
/// `high`, about `count` of them.
///
/// ```
/// use strata_cli::report::ratio_ticks;
///
/// assert_eq!(ratio_ticks(0.41, 0.78, 5), [0.4, 0.5, 0.6, 0.7, 0.8]);
/// ```
#[must_use]
pub fn ratio_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = (high - low).max(1e-4);
    let raw = span / count.max(1) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    let factor = factors
        .into_iter()
        .find(|factor| factor * power >= raw * 0.999)
        .unwrap_or(10.0);
    // Steps as whole numbers of 10^-7, so that 0.1 + 0.2 is 0.3.
    let step = ((factor * power * 1e7).round() as i64).max(1);
    let first = (low * 1e7 / step as f64 + 1e-9).floor() as i64;
    let last = (high * 1e7 / step as f64 - 1e-9).ceil() as i64;
    let last = last.max(first + 1);
    (first..=last)
        .map(|index| (index * step) as f64 / 1e7)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Unit, ratio_ticks};

    #[test]
    fn counts_are_named_at_round_numbers() {
        assert_eq!(
            Unit::Count.ticks(186, 37_376, 8),
            [200, 500, 1000, 2000, 5000, 10_000, 20_000]
        );
        assert_eq!(
            Unit::Count.ticks(10, 5_000_000, 6),
            [10, 100, 1000, 10_000, 100_000, 1_000_000]
        );
        assert_eq!(Unit::Count.ticks(3, 3, 6), [3]);
        assert_eq!(Unit::Count.ticks(11, 12, 6), [11]);
        assert_eq!(
            Unit::Bytes.ticks(100 << 20, 1 << 30, 6),
            [128 << 20, 256 << 20, 512 << 20, 1 << 30]
        );
    }

    #[test]
    fn progress_is_named_at_even_steps_within() {
        assert_eq!(
            Unit::Progress.ticks(0, 3_912_296, 8),
            [0, 1_000_000, 2_000_000, 3_000_000]
        );
        assert_eq!(Unit::Progress.ticks(0, 2, 8), [0, 1, 2]);
        assert_eq!(Unit::Progress.ticks(0, 0, 8), [0]);
    }

    #[test]
    fn ratios_are_named_at_even_steps_around_them() {
        assert_eq!(ratio_ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(ratio_ticks(0.5, 0.5, 5).len(), 2);
        let fine = ratio_ticks(0.9811, 0.9834, 5);
        assert!(
            fine[0] <= 0.9811 && *fine.last().unwrap() >= 0.9834 && fine.len() <= 7,
            "{fine:?}"
        );
    }
}
