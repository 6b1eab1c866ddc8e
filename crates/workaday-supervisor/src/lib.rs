//! Where jobs run: operating-system processes under one supervisor.
//!
//! | module | does |
//! |---|---|
//! | [`up`] | takes the lock, opens the store, rescues, then runs the loop until drained |
//! | [`supervisor`] | the loop: wait, take in, turn, carry out |
//! | [`lock`] | one supervisor a store; children hold a lock of their own |
//! | [`orphans`] | finds and ends what an earlier generation left |
//! | [`child`] | spawns a Python child, reads and writes its wire and pipes |
//! | [`command`] | tasks that are programs, as the supervisor sees them |
//! | [`shim`] | the process between: keeps the tree of one command, ends all of it |
//! | [`tree`] | who descends from whom |
//! | [`refusal`] | why a command could not be started |
//! | [`page`] | the shared page that says which job has begun |
//! | [`translate`] | frames ↔ events and commands |
//! | [`death`] | why a process is no more |
//! | [`ending`] | how long an end may take, and what it waits for |
//! | [`wakeup`] | datagrams, inotify, and the burst of re-checks between |
//! | [`signals`] | SIGTERM and SIGINT as readable events |
//! | [`catalogue`] | what the code in a folder states, for the deploy gate |
//! | [`checkpointer`] | moves the WAL into the database, on a thread of its own |
//! | [`beside`] | the window and the courier: parts in this process that cannot stop the jobs |
//! | [`measures`] | figures that web processes hand over |
//! | [`zone_data`] | which time zone data there is, and whether it changed |
//! | [`memory`] | resident sizes |
//! | [`notify`] | ready, reloading, stopping and alive, said to the service manager |
//! | [`test_mode`] | the same engine, driven by JSON lines |

pub mod beside;
pub mod catalogue;
pub mod checkpointer;
pub mod child;
pub mod clocks;
pub mod command;
pub mod death;
pub mod ending;
pub mod interpreter;
pub mod lock;
pub mod measures;
pub mod memory;
pub mod notify;
pub mod orphans;
pub mod page;
pub mod refusal;
pub mod shim;
pub mod signals;
pub mod storage;
pub mod supervisor;
pub mod test_mode;
pub mod translate;
pub mod tree;
pub mod up;
pub mod wakeup;
pub mod zone_data;

pub use command::CommandTask;
pub use up::{UpOptions, up};
