//! The integration tests of the command, one module a concern.

mod bad_input_csv;
mod bad_input_simulate;
mod bad_input_trace;
mod bound;
mod command;
mod reference;
mod replay;
mod replay_bad_input;
mod replay_detection;
mod replay_full_disk;
mod replay_kill;
mod shared;
mod simulate;
mod simulate_future;
mod simulate_report;
mod simulate_sample;
<<<<<<< HEAD
mod simulate_sizes;
=======
>>>>>>> origin/main
mod simulate_target;
mod trace_convert;
mod trace_csv;
mod trace_files;
mod trace_generate;
mod trace_head;
mod trace_info;
mod traces;
mod units;
mod w_tiny_lfu;
