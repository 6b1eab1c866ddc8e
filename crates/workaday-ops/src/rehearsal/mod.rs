//! A release and its way back, tried where nothing real can be hurt.
//!
//! | file | one idea |
//! |---|---|
//! | `stage` | the scratch place: code, configuration, snapshots, environment |
//! | `traps` | which level of isolation was reached, found out by trying |
//! | `jail` | level 3: no network, nothing outlives it |
//! | `walls` | level 3: all but the scratch place read-only, no socket or pipe leads out |
//! | `sockets` | Unix sockets of the machine, and whether one is reached |
//! | `postgres` | a scratch database for each of the app's, on the same server |
//! | `dsn` | where a DSN leads, and one that leads to the copy |
//! | `state` | what must be the same again after the way back |
//! | `play` | deploy, health, integration, schedules, rollback, compare |
//!
//! A store in a rehearsal is a copy, so nothing in it is claimed by itself: no job of the original runs twice.

mod dsn;
mod jail;
mod play;
mod postgres;
mod sockets;
mod stage;
mod state;
mod traps;
mod walls;

pub use jail::{REFUSED_EXIT, enter};
pub use play::{Proof, Scene, play};
pub use sockets::Planted;
pub use stage::{Leftover, Request, Stage, leftovers, set, take_away};
pub use state::{State, differences};
pub use traps::{PLANTED, Probed, Trap, level, probe};
