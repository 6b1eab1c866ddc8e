//! The window: dashboard, HTTP API, health, metrics. Closed by default.

mod assets;
mod escape;
mod facts;
mod mask;
pub mod page;
pub mod pages;
mod plot;
mod sheet;
mod show;
mod words;
