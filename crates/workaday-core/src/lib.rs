//! The rules of workaday: pure functions over plain values. No I/O, no clock, no async.

pub mod schedule;
