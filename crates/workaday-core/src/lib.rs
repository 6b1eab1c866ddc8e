//! The rules of workaday: pure functions over plain values. No I/O, no clock, no async.
//!
//! | module | decides |
//! |---|---|
//! | [`job`] | what a job is: ids, states, lanes, counts |
//! | [`lifecycle`] | what becomes of a job when something happens to it |
//! | [`retry`] | how long the wait before another attempt is |
//! | [`catalogue`] | what a task says of itself |
//! | [`unique`] | which job holds a key that only one unfinished job may hold |
//! | [`hold`] | which jobs are switched off, and why |
//! | [`ending`] | which end of a process is a death |
//! | [`explain`] | the one shape of an error: what failed, expected, is a retry safe |
//! | [`fingerprint`] | which failures are the same |
//! | [`clock`] | instants, lengths, and the only reading of the wall clock |
//! | [`schedule`] | when a schedule is due |
//! | [`values`] | which arguments and results are fit to store |
//! | [`visible`] | text that hides or moves nothing |
//! | [`why`] | why a job stands where it stands, in words |
//! | [`compare`] | whether a change made things better or worse |
//! | [`reached`] | which codes tests have met; nothing outside of tests |
//! | [`measure`] | histograms that add up, and the figures of a minute |
//! | [`nearest`] | what a mistyped name may have meant |

pub mod catalogue;
pub mod clock;
pub mod compare;
pub mod ending;
pub mod explain;
pub mod fingerprint;
pub mod hold;
#[macro_use]
pub mod job;
pub mod lifecycle;
pub mod measure;
pub mod nearest;
pub mod reached;
pub mod retry;
pub mod schedule;
pub mod unique;
pub mod values;
pub mod visible;
pub mod why;
