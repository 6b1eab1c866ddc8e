#![doc = include_str!("../README.md")]

mod decode;
mod encode;
mod error;
mod frame;

pub use decode::Decoder;
pub use error::WireError;
pub use frame::{CancelWhy, Frame, Job, Log, Outcome, OutcomeKind, Stream};

/// The version that `hello` states; another one is refused.
pub const PROTOCOL: u32 = 1;

/// The longest frame, its type byte included. Far above the largest result (1 MiB) and any sane catalogue, far below what would hurt the supervisor.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
