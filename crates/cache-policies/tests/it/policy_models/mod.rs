//! Naive models of the policies, written from their papers on the dullest structures.

mod arc;
mod clock_pro;
mod duel;
mod lecar;
mod lhd;
mod lirs;
mod queues;
mod ranks;
mod s3_fifo;
mod sampled;
mod shelves;
mod slru;
mod tiny_lfu;
mod two_q;

pub(crate) use arc::ArcModel;
pub(crate) use clock_pro::ClockProModel;
pub(crate) use duel::DuelModel;
pub(crate) use lecar::LeCaRModel;
pub(crate) use lhd::LhdModel;
pub(crate) use lirs::LirsModel;
pub(crate) use queues::{Kind, QueueModel};
pub(crate) use ranks::{Rank, RankModel};
pub(crate) use s3_fifo::S3FifoModel;
pub(crate) use sampled::{SampledKind, SampledModel};
pub(crate) use slru::SlruModel;
pub(crate) use tiny_lfu::{TinyLfuModel, WTinyLfuModel};
pub(crate) use two_q::TwoQModel;

use cache_policies::Insight;

/// What a policy is held against: it must name the same victims and remember the same keys.
///
/// The owner calls a model as it calls the policy. An unpinned entry goes where the contract of the policy says.
pub(crate) trait Model {
    /// As [`Policy::foresee`](cache_policies::Policy::foresee).
    fn foresee(&mut self, _distance: u64) {}

    /// A request for a key that is not resident. Whether a ghost had the key, which it then has no longer.
    fn miss(&mut self, hash: u64) -> bool;

    /// `remembered` is what the miss of this key, the call before the evictions for it, has answered.
    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool);

    fn hit(&mut self, slot: u32);

    fn evict(&mut self) -> Option<u32>;

    /// As [`Policy::overflow`](cache_policies::Policy::overflow).
    fn overflow(&mut self) -> Option<u32> {
        None
    }

    fn remove(&mut self, slot: u32, remember: bool);

    fn reweigh(&mut self, slot: u32, weight: u32);

    fn pin(&mut self, slot: u32);

    fn unpin(&mut self, slot: u32);

    fn set_capacity(&mut self, capacity: u64);

    /// What the policy is to tell by [`Policy::explain`](cache_policies::Policy::explain), if the model knows.
    fn explain(&self) -> Option<Vec<Insight>> {
        None
    }
}
