//! Where the values of a chart lie in its drawing, and where names find room.

use super::chart::Chart;
use super::scale::{Unit, ratio_ticks};

/// Room around the plot, in units of the drawing, which are about pixels.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) ticks: usize,
}

impl Frame {
    /// From where to where the axis of the sizes goes.
    pub(super) fn axis(&self) -> (f64, f64) {
        (self.left, self.width - self.right)
    }
}

/// Where values lie in the drawing.
pub(super) struct Plot {
    pub(super) frame: Frame,
    /// The first and the last size, as places on the axis.
    first: f64,
    last: f64,
    unit: Unit,
    pub(super) sizes: Vec<u64>,
    pub(super) ratios: Vec<f64>,
}

impl Plot {
    pub(super) fn of(chart: &Chart, frame: Frame) -> Self {
        let points = || chart.series.iter().flat_map(|series| &series.points);
        let first = match chart.unit {
            Unit::Progress => 0,
            Unit::Count | Unit::Bytes => {
                points().map(|(size, _)| (*size).max(1)).min().unwrap_or(1)
            }
        };
        let last = points()
            .map(|(size, _)| *size)
            .max()
            .unwrap_or(1)
            .max(first);
        let low = points()
            .map(|(_, ratio)| *ratio)
            .fold(f64::INFINITY, f64::min)
            .min(1.0);
        let high = points()
            .map(|(_, ratio)| *ratio)
            .fold(0.0, f64::max)
            .max(low);
        // From 0 where that is not far: else half of the plot would be empty.
        let low = if low < 0.4 * high { 0.0 } else { low };
        let lines = ((frame.height - frame.top - frame.bottom) / 60.0) as usize;
        let margin = if first == last { 2_f64.ln() } else { 0.0 };
        Self {
            frame,
            first: chart.unit.place(first) - margin,
            last: chart.unit.place(last) + margin,
            unit: chart.unit,
            sizes: chart.unit.ticks(first, last, frame.ticks),
            ratios: ratio_ticks(low, high, lines),
        }
    }

    pub(super) fn x(&self, size: u64) -> f64 {
        let Frame {
            width, left, right, ..
        } = self.frame;
        let share = (self.unit.place(size) - self.first) / (self.last - self.first);
        left + share * (width - left - right)
    }

    pub(super) fn y(&self, ratio: f64) -> f64 {
        let Frame {
            height,
            top,
            bottom,
            ..
        } = self.frame;
        let (low, high) = (self.ratios[0], self.ratios[self.ratios.len() - 1]);
        height - bottom - (ratio - low) / (high - low) * (height - top - bottom)
    }
}

/// Places that are at least `gap` apart where `room` allows it, in the order of the wanted ones and near to them.
pub(super) fn spread(wanted: &[f64], gap: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut places = wanted.to_vec();
    let steps = places.len().saturating_sub(1).max(1) as f64;
    let gap = gap.min((bottom - top) / steps);
    let mut least = top;
    for place in &mut places {
        *place = place.max(least);
        least = *place + gap;
    }
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - gap;
    }
    places
}

/// The digits after the point that the ticks need to differ.
pub(super) fn decimals(ticks: &[f64]) -> usize {
    let step = ticks
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(1.0, f64::min);
    (1..7)
        .find(|digits| {
            let scaled = step * 10_f64.powi(*digits);
            (scaled - scaled.round()).abs() < 1e-6
        })
        .unwrap_or(7) as usize
}

#[cfg(test)]
mod tests {
    use super::{decimals, spread};

    #[test]
    fn names_keep_their_order_and_their_distance() {
        let places = spread(&[10.0, 11.0, 12.0, 95.0, 99.0], 10.0, (10.0, 100.0));
        assert_eq!(places, [10.0, 20.0, 30.0, 90.0, 100.0]);
        let crowded = spread(&[50.0; 5], 40.0, (0.0, 100.0));
        assert_eq!(crowded, [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(spread(&[], 10.0, (0.0, 1.0)), [0.0; 0]);
    }

    #[test]
    fn ticks_show_as_many_digits_as_they_need() {
        assert_eq!(decimals(&[0.0, 0.2, 0.4]), 1);
        assert_eq!(decimals(&[0.0, 0.25, 0.5]), 2);
        assert_eq!(decimals(&[0.9811, 0.9816]), 4);
    }
}
