//! The integration tests of cache-policies, one binary.

mod conformance;
mod model_equality;
mod policy_models;
mod policy_owner;
mod policy_random;
