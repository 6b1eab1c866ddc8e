//! The pages, one function each: from the store and the question to a document and its JSON twin.
//!
//! | page | answers |
//! |---|---|
//! | [`today`](fn@today) | does anything need me? |
//! | [`jobs`](fn@jobs) [`job`](fn@job) | which jobs are there · why does this one stand where it stands? |
//! | [`errors`](fn@errors) [`error_group`] | what goes wrong, how often, since when? |
//! | [`schedules`](fn@schedules) [`schedule`](fn@schedule) | what runs by itself, and did it? |
//! | [`queues`](fn@queues) | do jobs wait, and who works? |
//! | [`task`](fn@task) | what is this task, who owns it, how does it do? |
//! | [`releases`](fn@releases) [`release`] [`compare`] | what changed, and is it better? |
//! | [`checklist`](fn@checklist) | what is left to do before this may run unwatched? |
//! | [`audit`](fn@audit) | who did what by hand, and why? |
//!
//! A page never writes, and asks only what is bounded: it costs the same beside ten jobs and a million.

mod about;
mod audit;
mod checklist;
mod compare;
mod confirm;
pub mod errors;
mod job;
mod jobs;
mod queues;
mod releases;
mod rows;
mod schedule;
mod schedules;
mod task;
mod today;
mod workers;

pub use crate::assets::static_files;
pub use crate::sheet::problem;
pub use about::about;
pub use audit::audit;
pub use checklist::checklist;
pub use compare::compare;
pub use confirm::{Confirm, confirm};
pub use errors::{error_group, errors};
pub use job::job;
pub use jobs::jobs;
pub use queues::queues;
pub use releases::{release, releases};
pub(crate) use rows::arguments as line_of;
pub use schedule::schedule;
pub use schedules::schedules;
pub use task::task;
pub use today::today;
