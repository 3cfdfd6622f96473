//! The integration tests of the command, one module a concern.

mod bad_input_trace;
mod shared;
mod traces;
mod units;
