//! The integration tests of cache-policies, one binary.

mod bloom;
mod cache;
mod cache_cost;
mod cache_entries;
mod cache_limits;
mod cache_model;
mod cache_panic;
mod cache_room;
mod collisions;
mod conformance;
mod model_equality;
mod overhead;
mod policy_bound;
mod policy_golden;
mod policy_golden_lists;
mod policy_learned;
mod policy_models;
mod policy_names;
mod policy_owner;
mod policy_random;
mod policy_ranked;
mod policy_shared;
mod predict_periods;
mod predict_runs;
mod sketch;
mod w_tiny_lfu;
