//! The one place that speaks SQL: every question the engine asks, one method each.
//!
//! The canonical statements live in `python/workaday/sql`, one a file, shared with the Python client.

pub mod beside;
pub mod crash_points;
pub mod error;
pub mod migrate;
pub mod notices;
pub mod schedules;
pub mod sqlite;
pub mod statements;
pub mod store;

pub use error::StoreError;
pub use notices::*;
pub use schedules::*;
pub use sqlite::read::{Reader, open_reader};
pub use sqlite::{OpenOptions, SqliteStore};
pub use store::*;
