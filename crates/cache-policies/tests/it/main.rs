//! The integration tests of cache-policies, one binary.
