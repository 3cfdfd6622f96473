//! The integration tests of the command, one module a concern.
