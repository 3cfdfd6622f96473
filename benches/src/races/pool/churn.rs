//! Buffers of mixed sizes, of which a random one goes when another comes.

use std::rc::Rc;

use super::buffers::{Buffers, Demand};
use super::round::{PAGE, Round, entered, touch};
use crate::{Effort, Sample, Sequence, Workload};

/// Buffers that are in use at once.
const LIVE: usize = 64;
/// Sizes are 1 to so many pages: 4 KiB to 1 MiB.
const PAGES: u64 = 256;

/// What is acquired, and in whose place.
struct Plan {
    /// The first `LIVE` are there before the others come.
    sizes: Vec<usize>,
    places: Vec<u32>,
}

impl Plan {
    /// So many changes; the number of pages is Zipf distributed, so that small buffers are frequent.
    fn new(changes: usize) -> Self {
        let mut sequence = Sequence::seeded(12);
        let pages = sequence.zipf_ranks(LIVE + changes, PAGES, 0.99);
        Self {
            sizes: pages
                .into_iter()
                .map(|pages| pages as usize * PAGE)
                .collect(),
            places: sequence.uniform(changes, LIVE as u32),
        }
    }
}

const DEMAND: Demand = Demand {
    size: PAGES as usize * PAGE,
    live: LIVE,
};

/// The buffers that are in use.
struct InUse<'a, B: Buffers> {
    buffers: &'a B,
    places: Vec<Option<B::Buffer<'a>>>,
}

impl<'a, B: Buffers> InUse<'a, B> {
    /// As many as the plan begins with.
    fn new(buffers: &'a B, plan: &Plan) -> Self {
        let mut in_use = Self {
            buffers,
            places: (0..LIVE).map(|_| None).collect(),
        };
        for (place, &size) in plan.sizes[..LIVE].iter().enumerate() {
            in_use.change(place, size);
        }
        in_use
    }

    /// Releases the buffer at `place`, acquires another there, and writes to each of its pages.
    fn change(&mut self, place: usize, size: usize) -> u64 {
        self.places[place] = None;
        let mut buffer = self.buffers.acquire(size);
        let sum = touch::<B>(&mut buffer, size);
        self.places[place] = Some(buffer);
        sum
    }

    /// All that the plan has; `changed` is told the place and the size of each.
    fn follow(&mut self, plan: &Plan, mut changed: impl FnMut(usize, usize)) -> u64 {
        let changes = plan.places.iter().zip(&plan.sizes[LIVE..]);
        changes.fold(0, |sum: u64, (&place, &size)| {
            let written = self.change(place as usize, size);
            changed(place as usize, size);
            sum.wrapping_mul(31).wrapping_add(written)
        })
    }
}

#[derive(Clone)]
struct Churn(Rc<Plan>);

impl Round for Churn {
    fn demand(&self) -> Demand {
        DEMAND
    }

    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample {
        let plan = &*self.0;
        let mut in_use = InUse::new(buffers, plan);
        Sample::timed(plan.places.len(), || in_use.follow(plan, |_, _| ()))
    }
}

/// 64 in use: a random one is released, another acquired, one byte a page written.
pub(super) fn churn(effort: Effort) -> Vec<Workload> {
    let round = Churn(Rc::new(Plan::new(effort.operations(20_000))));
    vec![entered("churn".to_owned(), "ns", &round).isolated()]
}

/// How much memory the same takes.
#[derive(Clone)]
struct Resident {
    plan: Rc<Plan>,
    /// Resident bytes before the first round.
    before: usize,
}

impl Round for Resident {
    fn demand(&self) -> Demand {
        DEMAND
    }

    /// By how many times the bytes in use, at their peak, the resident memory has grown at its own peak, less what
    /// caches may hold.
    fn run<B: Buffers>(&mut self, buffers: &B) -> Sample {
        let plan = &*self.plan;
        let mut in_use = InUse::new(buffers, plan);
        let mut sizes = plan.sizes[..LIVE].to_vec();
        let mut live: usize = sizes.iter().sum();
        let (mut live_peak, mut resident_peak) = (live, resident_bytes());
        let written = in_use.follow(plan, |place, size| {
            live = live - sizes[place] + size;
            sizes[place] = size;
            live_peak = live_peak.max(live);
            resident_peak = resident_peak.max(resident_bytes());
        });
        let grown = resident_peak.saturating_sub(self.before);
        let kept = grown.saturating_sub(B::caches());
        Sample::new(kept as f64 / live_peak as f64, written)
    }

    fn warm_up<B: Buffers>(&mut self, _: &B) {
        self.before = resident_bytes();
    }
}

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages = statm.split(' ').nth(1).expect("the second number");
    pages.parse::<usize>().expect("a number") * PAGE
}

/// Resident memory in the churn, in multiples of what is in use at the most.
pub(super) fn churn_resident(effort: Effort) -> Vec<Workload> {
    let round = Resident {
        plan: Rc::new(Plan::new(effort.operations(50_000))),
        before: 0,
    };
    vec![entered("churn-resident".to_owned(), "x_live", &round).isolated()]
}
