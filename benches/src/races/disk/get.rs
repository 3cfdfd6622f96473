//! Random gets of values that lie on disk: one at a time, and eight at once on two threads.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use tempfile::TempDir;

use super::fjall::Fjall;
use super::foyer::Foyer;
use super::on_disk::{OnDisk, settle, sum_at_once};
use super::redb::Redb;
use super::strata::Strata;
use super::values::{glance, value_of, values};
use crate::races::directory::temporary;
use crate::{Contender, Effort, Sample, Sequence, Workload};

const AT_ONCE: usize = 8;

/// The values that there are, and the keys to get.
struct Work {
    count: usize,
    size: usize,
    keys: Arc<[u64]>,
}

impl Work {
    fn new(count: usize, size: usize, gets: usize) -> Self {
        let keys = Sequence::seeded(12).uniform(gets, count as u32);
        Self {
            count,
            size,
            keys: keys.into_iter().map(u64::from).collect(),
        }
    }

    /// What the gets come to.
    fn answer(&self) -> u64 {
        let values = self.keys.iter().map(|&key| value_of(key, self.size));
        values.fold(0, |sum, value| sum.wrapping_add(glance(&value)))
    }
}

/// A contender's values, which its workloads share: on disk from the first round on.
struct Filled<S> {
    work: Rc<Work>,
    store: OnceCell<(Arc<S>, TempDir)>,
}

impl<S: OnDisk> Filled<S> {
    fn new(work: &Rc<Work>) -> Rc<Self> {
        Rc::new(Self {
            work: Rc::clone(work),
            store: OnceCell::new(),
        })
    }

    fn store(&self) -> &Arc<S> {
        let filled = || {
            let directory = temporary();
            let store = S::open(directory.path());
            store.fill(values(self.work.count, self.work.size));
            store.close();
            settle(directory.path());
            (Arc::new(S::reopen(directory.path())), directory)
        };
        &self.store.get_or_init(filled).0
    }

    fn one_at_a_time(&self) -> Sample {
        let (store, keys) = (self.store(), &self.work.keys);
        Sample::timed(keys.len(), || store.sum(keys, glance)).in_microseconds()
    }

    fn at_once(&self) -> Sample {
        let (store, keys) = (self.store(), &self.work.keys);
        let gets = || sum_at_once(store, keys, glance, AT_ONCE);
        Sample::timed(keys.len(), gets).in_microseconds()
    }
}

/// Enters `S` into both workloads.
fn with<S: OnDisk>([one, eight]: [Workload; 2], work: &Rc<Work>) -> [Workload; 2] {
    let filled = Filled::<S>::new(work);
    let other = Rc::clone(&filled);
    [
        one.with(Contender::new(S::NAME, move || filled.one_at_a_time())),
        eight.with(Contender::new(S::NAME, move || other.at_once())),
    ]
}

fn of_size(name: &str, count: usize, size: usize, gets: usize) -> Vec<Workload> {
    let work = Rc::new(Work::new(count, size, gets));
    let answer = work.answer();
    let mut both = [1, AT_ONCE].map(|at_once| {
        Workload::new("disk", format!("get-{name}-{at_once}"), "us").answering(answer)
    });
    both = with::<Strata<true>>(both, &work);
    both = with::<Foyer>(both, &work);
    both = with::<Redb>(both, &work);
    both = with::<Fjall>(both, &work);
    both.into()
}

/// 100,000 gets among 200,000 values of 200 bytes.
pub(super) fn small(effort: Effort) -> Vec<Workload> {
    let (count, gets) = (effort.operations(200_000), effort.operations(100_000));
    of_size("200B", count, 200, gets)
}

/// 50,000 gets among 100,000 values of 4 KiB.
pub(super) fn large(effort: Effort) -> Vec<Workload> {
    let (count, gets) = (effort.operations(100_000), effort.operations(50_000));
    of_size("4KiB", count, 4096, gets)
}
