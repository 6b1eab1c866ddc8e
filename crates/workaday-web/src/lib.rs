//! The window: dashboard, HTTP API, health, metrics. Closed by default.
