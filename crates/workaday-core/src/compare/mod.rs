//! Did a change make things better or worse? Pure statistics over per-minute evidence.
//!
//! Plain significance tests cry wolf on one machine: minutes resemble their neighbours, load has a daily wave. So the
//! change that was seen is ranked among the changes that the same two windows would have shown at each earlier moment
//! *without* a release (placebos; in-space and in-time placebo tests, Abadie, Diamond, Hainmueller 2010). A time is
//! the median of the quantiles of five slices, so that a stall that passes within a window is no change (median of
//! means, Nemirovski & Yudin 1983). Several
//! measures are judged together by their joint placebos, step by step from the largest (Westfall & Young 1993, maxT:
//! Holm's procedure with the dependence between measures taken into account). A floor keeps trifles out, and too
//! little data is said to be too little.
//!
//! | module | holds |
//! |---|---|
//! | [`line`] | a line of exported evidence, and its minutes |
//! | [`track`] | one measure of one series, any window of it in constant time |
//! | [`effect`] | what changed between two windows, with its sampling error |
//! | [`baseline`] | how far back the baseline should reach |
//! | [`placebo`] | what changes at moments without a release |
//! | [`hours`] | what the time of day does by itself |
//! | [`family`] | many measures, one error rate |
//! | [`answer`] | what is asked, the limits, the answer |
//! | [`judge`] | the verdict |
//! | [`separate`] | counters that need no history |
//! | [`confounder`] | what else changed |
//! | [`sentence`] | all of it in words |

pub mod answer;
pub mod baseline;
pub mod confounder;
pub mod effect;
pub mod family;
pub mod hours;
pub mod judge;
pub mod line;
pub mod placebo;
pub mod sentence;
pub mod separate;
pub mod track;

pub use answer::{Basis, Comparison, Finding, Question, Rules, Verdict};
pub use judge::judge;
pub use line::{Line, Series, SeriesKey, Spread, read_lines};
