//! Every key and variable of Workaday, declared once; read, judged and typed here.
//!
//! | module | does |
//! |---|---|
//! | [`keys`] | the tables: section, name, kind, default, what it does |
//! | [`kind`] | what a value may be |
//! | [`file`] | finds workaday.toml and reads it, with line numbers |
//! | [`env`] | the environment twins |
//! | [`rules`] | keys that need or exclude each other |
//! | [`without_effect`] | what is read and does nothing yet |
//! | [`alerts`] | who is told of what |
//! | [`settings`] | what it all comes to, typed |
//! | [`release`] | [backup], [release] and its staging, typed |
//! | [`command_line`] | a command written as one text |
//! | [`database`] | which store a `database` value names |
//! | [`reference`] | docs/reference/configuration.md |

pub mod alerts;
pub mod command_line;
pub mod database;
pub mod env;
pub mod error;
pub mod file;
pub mod keys;
pub mod kind;
pub mod reference;
pub mod release;
pub mod rules;
pub mod schedules;
pub mod settings;
pub mod without_effect;

pub use database::Database;
pub use error::{ConfigError, Origin};
pub use settings::{Command, Queue, Retention, Settings, Sources, Worker, load};
