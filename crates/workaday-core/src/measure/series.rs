//! What a series of measures is of: a kind, a name, and the release that was running.

use crate::clock::Timestamp;

/// Measures are kept by the minute.
pub const MINUTE_US: i64 = 60_000_000;

/// The whole minute of an instant, counted from 1970.
pub const fn minute_of(at: Timestamp) -> i64 {
    at.0.div_euclid(MINUTE_US)
}

words! {
    /// What a name is the name of.
    SeriesKind {
        /// A task; one count an attempt that ended by itself or failed.
        Task = "task",
        /// A queue: the attempts of all its tasks.
        Queue = "queue",
        /// A web route by its template; one count a response, at its last byte.
        Route = "route",
        /// A response that was streamed: its length says nothing about how fast the service answers.
        Stream = "stream",
        /// A websocket, from its opening to its end.
        Websocket = "websocket",
        /// Measures that were lost on the way, so that a gap is no silence. One count a measure lost.
        Dropped = "dropped",
    }
}

/// The key of a series. Ordered, so that rows are written in one order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    pub kind: SeriesKind,
    /// `shop.send_invoice` · `GET /orders/{id}` · a queue.
    pub name: String,
    /// `unknown` when nothing is known.
    pub release: String,
}

/// What stands in for the names beyond the number that a minute may have.
pub const OTHER: &str = "(other)";
