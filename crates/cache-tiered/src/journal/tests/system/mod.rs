//! The journal against the system itself: processes that are killed, calls that fail, devices that are full.
//!
//! The process to be hurt ([`worker`]) tells what it does in lines. [`Fates`] takes them down, and judges what the journal
//! gives back.

mod fates;
#[cfg(target_os = "linux")]
mod full;
mod killed;
mod limited;
#[cfg(target_os = "linux")]
mod power;
#[cfg(target_os = "linux")]
mod strace;
mod worker;

use fates::Fates;
use worker::Worker;
