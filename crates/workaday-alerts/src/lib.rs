//! Who is told when something needs a hand: webhook, e-mail, outgoing pings.
//!
//! | module | does |
//! |---|---|
//! | [`courier`] | takes alerts into notices, groups them, sends them, tries again |
//! | [`pings`] | sends the signs of life that claims and settlements left |
//! | [`watch`] | raises what nobody else sees: queues that wait, a disk that fills |
//! | [`notice`] | what a notice says, as JSON and as text |
//! | [`meanings`] | what a code means, in the words of the reference |
//! | [`deliver`] | one message to one receiver: webhook or mail |
//! | [`post`] · [`address`] | one HTTP request, to no address that it must not reach |
//! | [`sign`] · [`mail`] | the signature of a webhook · one e-mail |
//! | [`live`] | the settings, which SIGHUP may replace |
//!
//! Nothing here runs a job or stops one: its own threads, its own connection, its own short transactions. A receiver
//! that is dead costs a few seconds of a thread that waits for nothing else.

pub mod address;
pub mod courier;
pub mod deliver;
pub mod live;
pub mod mail;
pub mod meanings;
pub mod notice;
pub mod pings;
pub mod post;
pub mod sign;
pub mod watch;

pub use live::Live;
