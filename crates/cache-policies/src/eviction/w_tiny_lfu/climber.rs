//! The climber: how large the window should be, by where the hits were.

use libm::{fabs, log};

/// Up to this many entries the climber goes by the hit ratio, above by the densities.
const REACTIVE_ENTRIES_MAX: u64 = 4_096;
/// A step of the reactive climber, as a share of the capacity, and what becomes of it with each sample.
const STEP: f64 = 0.0625;
const STEP_DECAY: f64 = 0.98;
/// A hit ratio that differs by this much from that of the sample before restarts the reactive climber.
const RESTART: f64 = 0.05;
/// The requests of a sample, in entries.
const REACTIVE_SAMPLE: u64 = 10;
const DENSITY_SAMPLE: u64 = 4;
/// The step of the density climber for each unit of error, and the longest, as shares of the capacity.
const GAIN: f64 = 0.03;
const STEP_MAX: f64 = 0.3;
/// The smallest window of the density climber, as a share of the capacity: a smaller one earns too few hits to tell.
const FLOOR: f64 = 0.02;
/// A region counts as having this part of a hit for each request of the sample at least, so that an empty one has a
/// density.
const HITS_MIN: f64 = 0.125 / 1024.0;

/// What there is to divide.
#[derive(Copy, Clone, Debug)]
pub(super) struct Division {
    pub(super) capacity: u64,
    pub(super) window: u64,
    /// The largest window there may be.
    pub(super) window_max: u64,
    /// Resident entries.
    pub(super) entries: u64,
}

/// Counts where the hits of a sample are, and steps at its end.
#[derive(Clone, Debug)]
pub(super) struct Climber {
    requests: u64,
    window_hits: u64,
    main_hits: u64,
    hit_ratio_before: f64,
    /// The next step of the reactive climber, as a share of the capacity; below 0 it shrinks the window.
    step: f64,
    /// Samples that were closed.
    samples: u64,
}

impl Climber {
    pub(super) fn new() -> Self {
        Climber {
            requests: 0,
            window_hits: 0,
            main_hits: 0,
            hit_ratio_before: 0.0,
            step: -STEP,
            samples: 0,
        }
    }

    #[inline]
    pub(super) fn miss(&mut self) {
        self.requests += 1;
    }

    #[inline]
    pub(super) fn hit(&mut self, in_window: bool) {
        self.requests += 1;
        self.window_hits += u64::from(in_window);
        self.main_hits += u64::from(!in_window);
    }

    /// Begins the sample anew.
    pub(super) fn restart(&mut self) {
        self.requests = 0;
        self.window_hits = 0;
        self.main_hits = 0;
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// Whether the sample is full.
    #[inline]
    pub(super) fn is_due(&self, entries: u64) -> bool {
        let factor = if entries > REACTIVE_ENTRIES_MAX {
            DENSITY_SAMPLE
        } else {
            REACTIVE_SAMPLE
        };
        self.requests >= factor * entries.max(1)
    }

    /// Ends the sample, and returns the window's new capacity.
    #[cold]
    pub(super) fn climb(&mut self, division: &Division) -> u64 {
        let capacity = division.capacity as f64;
        let (change, window_min) = if division.entries > REACTIVE_ENTRIES_MAX {
            (self.by_density(division), FLOOR * capacity)
        } else {
            (self.by_hit_ratio() * capacity, 1.0)
        };
        self.restart();
        self.samples += 1;
        let window = (division.window as f64 + change).max(window_min);
        (window as u64).clamp(1.min(division.window_max), division.window_max)
    }

    /// Goes on in the direction in which the hit ratio did not fall, in ever shorter steps until it changes much.
    fn by_hit_ratio(&mut self) -> f64 {
        let hit_ratio = (self.window_hits + self.main_hits) as f64 / self.requests as f64;
        let change = hit_ratio - self.hit_ratio_before;
        self.hit_ratio_before = hit_ratio;
        let step = if change >= 0.0 { self.step } else { -self.step };
        self.step = if fabs(change) >= RESTART {
            libm::copysign(STEP, step)
        } else {
            STEP_DECAY * step
        };
        step
    }

    /// Moves capacity to the region that earns more hits with each unit of its own.
    fn by_density(&self, division: &Division) -> f64 {
        let least = HITS_MIN * self.requests as f64;
        let density = |hits: u64, share: u64| (hits as f64).max(least) / share.max(1) as f64;
        let window = density(self.window_hits, division.window);
        let main = density(self.main_hits, division.capacity - division.window);
        let error = log(window / main);
        let step = (GAIN * error).clamp(-STEP_MAX, STEP_MAX);
        step * division.capacity as f64
    }
}
