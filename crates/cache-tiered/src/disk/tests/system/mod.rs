//! The tier against the system itself: processes that are killed, and devices that lose power.
//!
//! The process ([`worker`]) changes keys of a tier and tells what it does in lines. [`Heard`] takes them down, and judges what
//! the tier answers when it is opened again.

mod heard;
mod killed;
mod power;
mod worker;

use heard::Heard;
use worker::Worker;
