//! Integration tests of cache-tiered, one binary.

mod smoke;
