//! The window: dashboard, HTTP API, health, metrics. Closed by default.
//!
//! | module | does |
//! |---|---|
//! | [`server`] [`listen`] | accepts connections, says where, ends gracefully |
//! | [`front`] | the way of a request: host, rate, origin, size, who, may he |
//! | [`routes`] | every route, once: the router, the OpenAPI document and the role matrix come from it |
//! | [`hosts`] [`headers`] [`rate`] `attempts` [`secrets`] [`identity`] [`login`] | what keeps it closed |
//! | [`ops`] | what can be done, once |
//! | [`acts`] [`undo`] | by people: forms, dry runs, ten seconds to undo |
//! | [`api`] [`fields`] | by programs: values judged against what a route declares |
//! | [`page`] [`pages`] | what people see; `sheet` `show` `words` `plot` `escape` `mask` `search` `processes` are what pages are made of |
//! | [`health`] [`metrics`] [`live`] | is it well, how much, what changed |
//! | [`page`] [`pages`] | what people see; `sheet` `show` `words` `plot` `escape` `mask` are what pages are made of |
//! | [`acts`] [`undo`] | what people do |
//! | [`api`] | what programs see and do |
//! | [`health`] [`metrics`] [`live`] | is it well, how much, what changed; `counts` counts once for all who ask |

pub mod acts;
pub mod answer;
pub mod api;
pub mod asked;
mod assets;
mod attempts;
mod counts;
mod escape;
mod facts;
pub mod fields;
pub mod frame;
pub mod front;
pub mod headers;
pub mod health;
pub mod hosts;
pub mod identity;
mod linger;
pub mod listen;
pub mod live;
pub mod login;
pub mod mask;
mod measured;
pub mod metrics;
pub mod ops;
pub mod options;
pub mod page;
pub mod pages;
mod peer;
mod plot;
mod processes;
pub mod rate;
pub mod routes;
mod search;
pub mod secrets;
pub mod server;
mod sheet;
mod show;
pub mod undo;
pub mod window;
mod words;

pub use options::Options;
pub use server::run;
