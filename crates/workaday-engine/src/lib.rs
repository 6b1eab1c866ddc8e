//! What happens next: services over an injected store, clock, chance and processes.
//!
//! The engine does no I/O of its own but the store's. Processes are *events in* and *commands out*, so the same code
//! runs under `workaday up`, in the pytest plugin and in a simulator.
//!
//! | service | does |
//! |---|---|
//! | [`settler`] | writes the outcomes that arrived |
//! | [`expectation`] | a run that succeeds but is not what was expected |
//! | [`stager`] | makes due jobs available, ends expired ones |
//! | [`claimer`] | takes jobs for children that can start them now, marks held ones |
//! | [`scheduler`] | decides ticks: a job, or a reason |
//! | [`schedules`] | reconciles what is declared with what is stored |
//! | [`schedule_hand`] | run, skip, resume, backfill by hand |
//! | [`rescuer`] | gives back what a dead supervisor had claimed |
//! | [`timekeeper`] | soft timeout, TERM, KILL; recall behind a job that turned long |
//! | [`pruner`] | deletes finished jobs past retention, in small steps |
//! | [`journal`] | carries what jobs print to the store, bounded |
//! | [`measurer`] | adds up figures by minute, task, queue, route and release |
//! | [`drain`] | stops claiming, finishes, gives back |
//! | [`order`] [`deed`] [`schedule_hand`] | what people ask for, judged for every face |
//! | [`document`] | rows as JSON, for every face |
//! | [`facts`] | what explains a job, for every face |
//! | [`staffing`] | how many children of which kind, when one is replaced |

mod arrivals;
pub mod care;
pub mod catalogue;
pub mod chance;
mod chores;
pub mod claimer;
pub mod crew;
pub mod deed;
pub mod document;
pub mod drain;
pub mod engine;
pub mod event;
pub mod expectation;
pub mod facts;
pub mod journal;
pub mod measurer;
pub mod moment;
pub mod order;
pub mod pruner;
pub mod rescuer;
pub mod schedule_diff;
pub mod schedule_hand;
pub mod scheduler;
pub mod schedules;
pub mod settings;
pub mod settler;
pub mod staffing;
pub mod stager;
pub mod timekeeper;

pub use chance::{Random, Seeded};
pub use engine::{Engine, Turn};
pub use event::{ChildNo, Command, Death, Event, JobFrame, Seq};
pub use moment::Moment;
pub use settings::Settings;
