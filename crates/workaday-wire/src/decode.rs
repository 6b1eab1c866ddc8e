//! Bytes into frames. Never panics, whatever the bytes; allocates nothing but the strings of the frame.

use crate::frame::{CancelWhy, FLUSH_AT_ONCE, Frame, Job, Log, Outcome, OutcomeKind, Stream, kind};
use crate::{FRAME_BYTES_MAX, WireError};

/// Collects bytes as they arrive, in any portions, and hands out whole frames.
///
/// Holds at most what was pushed and not yet read: whoever reads frames after each push keeps it at one frame plus one read.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Everything before is read.
    read: usize,
    broken: Option<WireError>,
}

impl Decoder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        } else if self.read > self.bytes.len() / 2 {
            // Moving less than was read keeps the cost of moving below that of reading.
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more is pushed. After an error: that error for ever.
    #[allow(clippy::should_implement_trait)] // an iterator that ends for now and not for good would mislead
    pub fn next(&mut self) -> Result<Option<Frame>, WireError> {
        self.next_as()
    }

    /// As [`Decoder::next`], its text borrowed from the decoder.
    pub fn next_borrowed(&mut self) -> Result<Option<Frame<&str>>, WireError> {
        self.next_as()
    }

    /// Bytes that wait for the rest of their frame.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.read
    }

    fn next_as<'a, S: From<&'a str>>(&'a mut self) -> Result<Option<Frame<S>>, WireError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let found = split(&self.bytes[self.read..]).and_then(|body| match body {
            None => Ok(None),
            Some(body) => {
                self.read += 4 + body.len();
                Fields::decode(body).map(Some)
            }
        });
        if let Err(error) = &found {
            self.broken = Some(*error);
        }
        found
    }
}

/// The body of the first frame, once all of it is there.
fn split(bytes: &[u8]) -> Result<Option<&[u8]>, WireError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(WireError::TooLong { length });
    }
    if length == 0 {
        return Err(WireError::Empty);
    }
    Ok(rest.get(..length))
}

/// Takes fields one after the other, in the order of docs/protocol.md.
struct Fields<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn decode<S: From<&'a str>>(body: &'a [u8]) -> Result<Frame<S>, WireError> {
        let (kind, rest) = body.split_first().ok_or(WireError::Empty)?;
        let mut fields = Fields { kind: *kind, rest };
        let frame = fields.frame()?;
        match fields.rest.len() {
            0 => Ok(frame),
            extra => Err(WireError::Extra { kind: *kind, extra }),
        }
    }

    fn frame<S: From<&'a str>>(&mut self) -> Result<Frame<S>, WireError> {
        Ok(match self.kind {
            kind::HELLO => Frame::Hello { json: self.str("json")? },
            kind::READY => Frame::Ready { json: self.str("json")? },
            kind::JOB => Frame::Job(self.job()?),
            kind::RECALL => Frame::Recall { nonce: self.u64("nonce")? },
            kind::RECALLED => Frame::Recalled { nonce: self.u64("nonce")?, seqs: self.seqs()? },
            kind::STARTED => Frame::Started { seq: self.u64("seq")?, at_ns: self.u64("at_ns")? },
            kind::PROGRESS => Frame::Progress { seq: self.u64("seq")?, share: f64::from_bits(self.u64("share")?), note: self.str("note")? },
            kind::LOG => Frame::Log(self.log()?),
            kind::EVIDENCE => Frame::Evidence { seq: self.u64("seq")?, json: self.str("json")? },
            kind::OUTCOME => Frame::Outcome(self.outcome()?),
            kind::CANCEL => Frame::Cancel { seq: self.u64("seq")?, why: self.named("why", CancelWhy::from_byte)? },
            kind::HEARTBEAT => Frame::Heartbeat { loop_lag_us: self.u64("loop_lag_us")? },
            kind::DRAIN => Frame::Drain,
            kind::BYE => Frame::Bye { json: self.str("json")? },
            kind => return Err(WireError::UnknownType { kind }),
        })
    }

    fn job<S: From<&'a str>>(&mut self) -> Result<Job<S>, WireError> {
        Ok(Job {
            seq: self.u64("seq")?,
            flush_at_once: self.named("flags", |flags| (flags & !FLUSH_AT_ONCE == 0).then_some(flags == FLUSH_AT_ONCE))?,
            attempt: u32::from_le_bytes(self.array("attempt")?),
            fence: self.u64("fence")?,
            timeout_us: self.i64("timeout_us")?,
            memory_bytes: self.u64("memory_bytes")?,
            run_at: self.i64("run_at")?,
            id: self.array("id")?,
            task: self.str("task")?,
            args: self.str("args")?,
            meta: self.str("meta")?,
        })
    }

    fn log<S: From<&'a str>>(&mut self) -> Result<Log<S>, WireError> {
        Ok(Log {
            seq: self.u64("seq")?,
            stream: self.named("stream", Stream::from_byte)?,
            level: self.u8("level")?,
            at_us: self.i64("at_us")?,
            logger: self.str("logger")?,
            text: self.str("text")?,
        })
    }

    fn outcome<S: From<&'a str>>(&mut self) -> Result<Outcome<S>, WireError> {
        Ok(Outcome {
            seq: self.u64("seq")?,
            kind: self.named("kind", OutcomeKind::from_byte)?,
            retry: self.named("retry", |byte| (byte <= 1).then_some(byte == 1))?,
            until_us: self.i64("until_us")?,
            started_ns: self.u64("started_ns")?,
            ended_ns: self.u64("ended_ns")?,
            cpu_us: self.u64("cpu_us")?,
            maxrss_kib: self.u64("maxrss_kib")?,
            mark: self.str("mark")?,
            payload: self.str("payload")?,
        })
    }

    fn seqs(&mut self) -> Result<Vec<u64>, WireError> {
        let count = u32::from_le_bytes(self.array("n")?) as usize;
        // Bounded by the bytes that are there before anything is allocated.
        let bytes = self.take(count.saturating_mul(8), "seqs")?;
        Ok(bytes.chunks_exact(8).map(|seq| u64::from_le_bytes(seq.try_into().expect("chunks of 8"))).collect())
    }

    fn str<S: From<&'a str>>(&mut self, field: &'static str) -> Result<S, WireError> {
        let length = u32::from_le_bytes(self.array(field)?) as usize;
        let bytes = self.take(length, field)?;
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::NotUtf8 { kind: self.kind, field })?;
        Ok(S::from(text))
    }

    fn named<T>(&mut self, field: &'static str, name: impl Fn(u8) -> Option<T>) -> Result<T, WireError> {
        let value = self.u8(field)?;
        name(value).ok_or(WireError::BadValue { kind: self.kind, field, value })
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array::<1>(field).map(|[byte]| byte)
    }
    fn u64(&mut self, field: &'static str) -> Result<u64, WireError> {
        self.array(field).map(u64::from_le_bytes)
    }
    fn i64(&mut self, field: &'static str) -> Result<i64, WireError> {
        self.array(field).map(i64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        self.take(N, field).map(|bytes| bytes.try_into().expect("take gives what was asked"))
    }

    fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let short = WireError::Short { kind: self.kind, field };
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(short)?;
        self.rest = rest;
        Ok(taken)
    }
}
