//! What was measured: histograms that can be added up, and the figures of one minute of a task, route or queue.
//!
//! | file | one idea |
//! |---|---|
//! | [`histogram`] | many whole numbers in little room, mergeable, the same buckets in Python |
//! | [`figures`] | what is known of one series in one minute |
//! | [`line`] | the same as a line of JSON, for export |
//! | [`evidence`] | what one attempt did besides running |
//! | [`series`] | what a series is: kind, name, release |

pub mod evidence;
pub mod figures;
pub mod histogram;
pub mod line;
pub mod series;

pub use evidence::Evidence;
pub use figures::{Figures, Metric, Statement};
pub use histogram::{Histogram, Malformed};
pub use series::{MINUTE_US, Series, SeriesKind, minute_of};
