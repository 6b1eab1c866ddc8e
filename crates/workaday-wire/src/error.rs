//! What can be wrong with bytes from the other side.

use crate::FRAME_BYTES_MAX;

/// The two sides no longer agree on what is said. Nothing after it can be believed: end the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    #[error("a frame of {length} bytes; the longest allowed is {max}", max = FRAME_BYTES_MAX)]
    TooLong { length: usize },
    #[error("a frame of length 0: not even a type")]
    Empty,
    #[error("frame type {kind} is not known to this version")]
    UnknownType { kind: u8 },
    #[error("frame type {kind}: its body ends inside `{field}`")]
    Short { kind: u8, field: &'static str },
    #[error("frame type {kind}: {extra} bytes more than its fields")]
    Extra { kind: u8, extra: usize },
    #[error("frame type {kind}: `{field}` is no UTF-8")]
    NotUtf8 { kind: u8, field: &'static str },
    #[error("frame type {kind}: `{field}` is {value}, which names nothing")]
    BadValue { kind: u8, field: &'static str, value: u8 },
}
