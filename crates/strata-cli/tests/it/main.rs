//! The integration tests of the command, one module a concern.

mod bad_input_simulate;
mod bad_input_trace;
mod command;
mod reference;
mod shared;
mod simulate;
mod traces;
mod units;
