//! Runs: sequential accesses among others, and how far to read ahead of each.

use core::iter::FusedIterator;

use alloc::vec::Vec;

use super::config::RunsConfig;
use super::strays::Strays;
use crate::ConfigError;

/// Finds sequential runs among interleaved accesses and says what to prefetch.
///
/// A position lies in a space, such as a page in a file or a number in a table; runs do not cross spaces. A run goes up or
/// down by a fixed stride. It is believed after [`confirm`](RunsConfig::with_confirm) accesses in a row, which need not follow
/// each other directly: the last few positions that were accessed and belong to no run are kept, four times as many as
/// runs, each once however often it is accessed; a run begins where an access continues two of them (or more). Accesses at
/// random therefore start nothing and drive out no run.
///
/// The window ramps up as in Linux (F. Wu, H. Xi, C. Xu, "On the design of a new Linux readahead framework", ACM SIGOPS
/// Operating Systems Review 42(5), 2008): small at first, four times as large each time while it is below a sixteenth of
/// the maximum, then twice. The next one is due when half of the last is left, so that it arrives in time. Windows of one
/// run never overlap and leave no gap.
///
/// An owner that knows what became of the prefetched tells it, and size and lead adapt as in AMP (B. S. Gill, L. A. D.
/// Bathen, "AMP: adaptive multi-stream prefetching in a shared cache", FAST 2007): a position that went unused
/// ([`wasted`](Runs::wasted)) lowers the run's own maximum by one, each window that was used to its end raises it again by
/// one; one that was asked for before it had arrived ([`late`](Runs::late)) makes the next window due earlier by one.
///
/// [`access`](Runs::access) takes time in proportion to the streams and the positions kept, and searches those,
/// logarithmically, for what precedes each one within [`stride_max`](RunsConfig::with_stride_max); the other calls take time in
/// proportion to the streams. 56 bytes a stream and 32 a position kept.
///
/// ```
/// use cache_policies::{Runs, RunsConfig};
///
/// let mut runs = Runs::new(RunsConfig::default())?;
/// assert!(runs.access(1, 100).is_none());
/// assert!(runs.access(1, 101).is_none());
/// let ahead = runs.access(1, 102).unwrap();
/// assert_eq!(ahead.collect::<Vec<_>>(), [103, 104, 105, 106]);
/// assert!(runs.access(1, 103).is_none());
/// let ahead = runs.access(1, 104).unwrap();
/// assert_eq!((ahead.first(), ahead.len()), (Some(107), 16));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Runs {
    config: RunsConfig,
    streams: Vec<Stream>,
    /// The last accesses that belong to no run.
    strays: Strays,
    /// Accesses so far.
    clock: u64,
}

/// Positions from one access of a run to the next, at most.
const SKIP_MAX: u32 = 4;

/// A run that is followed.
#[derive(Clone, Copy, Debug)]
struct Stream {
    space: u64,
    /// Where it is.
    position: u64,
    /// Never 0.
    stride: i64,
    /// Positions ahead of `position` that were given out to be prefetched.
    ahead: u32,
    /// Positions of the last window; 0 before the first.
    window: u32,
    /// Positions that a window may have: between the configured bounds.
    limit: u32,
    /// How much earlier than at half a window the next one is due.
    lead: u32,
    /// Accesses since the last window, and the positions that they passed.
    hits: u32,
    passed: u32,
    /// The clock at its last access.
    used: u64,
}

const _: () = assert!(size_of::<Stream>() == 56);

/// What to prefetch: an iterator over positions, from near to far; from [`Runs::access`].
///
/// ```
/// use cache_policies::{Runs, RunsConfig};
///
/// let mut runs = Runs::new(RunsConfig::default())?;
/// runs.access(7, 90);
/// runs.access(7, 80);
/// let ahead = runs.access(7, 70).unwrap();
/// assert_eq!((ahead.space(), ahead.first(), ahead.stride()), (7, Some(60), -10));
/// assert_eq!(ahead.collect::<Vec<_>>(), [60, 50, 40, 30]);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefetch {
    space: u64,
    next: u64,
    stride: i64,
    left: u32,
}

impl Prefetch {
    /// The space of the positions.
    #[must_use]
    pub fn space(&self) -> u64 {
        self.space
    }

    /// The next position to prefetch; `None` when none is left.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        (self.left > 0).then_some(self.next)
    }

    /// How far one position is from the one before; negative for a run that goes down.
    #[must_use]
    pub fn stride(&self) -> i64 {
        self.stride
    }
}

impl Iterator for Prefetch {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let position = self.next;
        // The last one may be the end of the space; nobody asks for what follows.
        self.next = position.wrapping_add_signed(self.stride);
        Some(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Prefetch {}
impl FusedIterator for Prefetch {}

impl Stream {
    /// How many strides from where the run is to `position`, negative for what lies behind; `None` off its path.
    fn steps_to(&self, space: u64, position: u64) -> Option<i128> {
        let distance = i128::from(position) - i128::from(self.position);
        let stride = i128::from(self.stride);
        (self.space == space && distance % stride == 0).then(|| distance / stride)
    }

    /// Moves the run on; what to prefetch now.
    fn advance(&mut self, steps: u32, config: &RunsConfig) -> Option<Prefetch> {
        let distance = self.stride.wrapping_mul(i64::from(steps));
        self.position = self.position.wrapping_add_signed(distance);
        self.ahead = self.ahead.saturating_sub(steps);
        self.hits = self.hits.saturating_add(1);
        self.passed = self.passed.saturating_add(steps);
        let due = (self.window / 2).saturating_add(self.lead);
        if self.ahead <= due.min(self.window) {
            return self.extend(config);
        }
        None
    }

    /// The next window, beginning where the last one ends; `None` at the end of the space.
    fn extend(&mut self, config: &RunsConfig) -> Option<Prefetch> {
        let size = self.next_window(config);
        let start = i128::from(self.stride) * i128::from(self.ahead + 1);
        let next = u64::try_from(i128::from(self.position) + start).ok()?;
        let room = match self.stride > 0 {
            true => u64::MAX - next,
            false => next,
        };
        let left = room / self.stride.unsigned_abs() + 1;
        let left = size.min(u32::try_from(left).unwrap_or(u32::MAX));
        if size > config.window_min {
            // A window that was used to its end speaks for larger ones.
            self.limit = (self.limit + 1).min(config.window_max);
        }
        (self.hits, self.passed) = (0, 0);
        self.window = size;
        self.ahead += left;
        Some(Prefetch {
            space: self.space,
            next,
            stride: self.stride,
            left,
        })
    }

    fn next_window(&self, config: &RunsConfig) -> u32 {
        let grown = match self.window {
            0 => config.window_min,
            // It jumps from place to place: what looks like a run may be chance.
            _ if self.hits < self.passed.div_ceil(2) => config.window_min,
            window if window < config.window_max / 16 => window.saturating_mul(4),
            window => window.saturating_mul(2),
        };
        grown.min(self.limit)
    }
}

impl Runs {
    /// A detector that has seen nothing. It allocates as it sees runs, up to its bound.
    ///
    /// # Errors
    /// [`ConfigError`] if a parameter is out of its range: see [`RunsConfig`].
    pub fn new(config: RunsConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config,
            streams: Vec::new(),
            strays: Strays::new(config.streams.saturating_mul(4)),
            clock: 0,
        })
    }

    /// Tells of an access; what to prefetch now, if it continues a run.
    ///
    /// An access that leaves out up to three positions of what was prefetched counts as the run's next; where more are left
    /// out than come, windows begin small again. One that repeats a position of a run, or comes late within the last
    /// window, changes nothing.
    pub fn access(&mut self, space: u64, position: u64) -> Option<Prefetch> {
        self.clock += 1;
        if let Some((index, steps)) = self.continued(space, position) {
            let stream = &mut self.streams[index];
            stream.used = self.clock;
            return match u32::try_from(steps) {
                Ok(steps) if steps > 0 => stream.advance(steps, &self.config),
                _ => None,
            };
        }
        let range = (self.config.stride_max, self.config.confirm);
        match self.strays.stride_to(space, position, range, || ()) {
            Some(stride) => self.begin(space, position, stride),
            None => {
                self.strays.keep(space, position, self.clock);
                None
            }
        }
    }

    /// The run that this access continues or repeats, and by how many of its steps; of several the one that it is the
    /// nearest to.
    fn continued(&self, space: u64, position: u64) -> Option<(usize, i128)> {
        let near = self
            .streams
            .iter()
            .enumerate()
            .filter_map(|(index, stream)| {
                let steps = stream.steps_to(space, position)?;
                let reach =
                    -i128::from(stream.window)..=i128::from(stream.ahead.clamp(1, SKIP_MAX));
                reach.contains(&steps).then_some((index, steps))
            });
        near.min_by_key(|&(_, steps)| (steps - 1).unsigned_abs())
    }

    /// Begins to follow a run, in place of the one that was not accessed for the longest time if there are too many.
    fn begin(&mut self, space: u64, position: u64, stride: i64) -> Option<Prefetch> {
        let mut stream = Stream {
            space,
            position,
            stride,
            ahead: 0,
            window: 0,
            limit: self.config.window_max,
            lead: 0,
            hits: 0,
            passed: 0,
            used: self.clock,
        };
        let ahead = stream.advance(0, &self.config);
        // What made the run shall not make another one with what comes near it.
        let made = 1 - i128::from(self.config.confirm)..0;
        self.strays.retain(|space, position| {
            let steps = stream.steps_to(space, position);
            !steps.is_some_and(|steps| made.contains(&steps))
        });
        if self.streams.len() < self.config.streams {
            self.streams.push(stream);
        } else if let Some(idle) = self.streams.iter_mut().min_by_key(|stream| stream.used) {
            *idle = stream;
        }
        ahead
    }

    /// Tells that a prefetched position left the cache, or was dropped, without having been asked for: the run's windows
    /// become smaller. Without effect if the run is no longer followed.
    pub fn wasted(&mut self, space: u64, position: u64) {
        let min = self.config.window_min;
        if let Some(stream) = self.ahead_of(space, position) {
            stream.limit = stream.limit.min(stream.window).saturating_sub(1).max(min);
            stream.lead = stream.lead.min(stream.limit / 2);
        }
    }

    /// Tells that a position was asked for while it was still being prefetched: the run's next windows are due earlier.
    /// Without effect if the run is no longer followed.
    pub fn late(&mut self, space: u64, position: u64) {
        if let Some(stream) = self.ahead_of(space, position) {
            stream.lead = (stream.lead + 1).min(stream.limit / 2);
        }
    }

    /// The run in whose last two windows the position lies, passed already or not.
    fn ahead_of(&mut self, space: u64, position: u64) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| {
            let reach = -2 * i128::from(stream.window)..=i128::from(stream.ahead);
            let steps = stream.steps_to(space, position);
            steps.is_some_and(|steps| reach.contains(&steps))
        })
    }

    /// Forgets all runs and accesses in a space, such as a file that was closed.
    pub fn forget(&mut self, space: u64) {
        self.streams.retain(|stream| stream.space != space);
        self.strays.retain(|other, _| other != space);
    }

    /// Forgets all runs and accesses.
    pub fn clear(&mut self) {
        self.streams.clear();
        self.strays.clear();
    }

    /// Runs that are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no run is followed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}
