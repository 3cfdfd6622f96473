//! The disk tier under a whole cache.

mod behaviour;
