//! The window: dashboard, HTTP API, health, metrics. Closed by default.

pub mod page;
pub mod pages;
