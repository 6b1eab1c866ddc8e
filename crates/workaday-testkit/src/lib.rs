//! For tests only: a world with the real engine on the real store, pretended processes, and time that moves when told.

pub mod sim;
pub mod world;

pub use world::{TaskBuilder, World};
