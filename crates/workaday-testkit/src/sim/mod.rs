//! The simulator: the real engine, a pretended world, every fault at every seam, and a checker that knows only the history.
//!
//! | module | is |
//! |---|---|
//! | [`life`] | one seed's life: steps, supervisors, clocks, faults; at the end faults off and all drains |
//! | [`acts`] | what people, clients and bad luck do in a step |
//! | [`kids`] | processes that start, run, hang, die at any frame, and lie late |
//! | [`release`] | what a deploy changes |
//! | [`ground`] [`model`] | the store: plain Rust, or real SQLite in memory or in a file |
//! | [`tap`] [`faults`] | a connection with faults above and the history in the middle |
//! | [`history`] [`checker`] | what happened, and whether every promise was kept |
//! | [`planted`] [`mutants`] | bugs and false histories that have to be found: tests of the tests |
//!
//! A seed and a revision replay a life exactly: all chance comes from the seed, and what the engine leaves to the order
//! of a hash table is put in order before it is carried out.

pub mod acts;
pub mod checker;
pub mod faults;
pub mod ground;
pub mod history;
pub mod kids;
pub mod ledger;
pub mod life;
pub mod model;
pub mod mutants;
pub mod planted;
pub mod release;
pub mod tap;

pub use ground::StoreKind;
pub use life::{Lived, Options, play};
