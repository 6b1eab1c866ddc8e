//! Frames into bytes. Appends to the caller's buffer; nothing else is allocated.

use crate::FRAME_BYTES_MAX;
use crate::frame::{FLUSH_AT_ONCE, Frame, Job, Log, Outcome, kind};

impl<S: AsRef<str>> Frame<S> {
    /// Appends the frame, its length in front.
    ///
    /// # Panics
    /// If it is longer than [`FRAME_BYTES_MAX`]: results, arguments and lines are limited long before, so that is our mistake.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        self.body(&mut Body(out));
        let length = out.len() - start - 4;
        assert!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes: what is sent must be limited where it is made");
        let prefix = u32::try_from(length).expect("FRAME_BYTES_MAX fits u32");
        out[start..start + 4].copy_from_slice(&prefix.to_le_bytes());
    }

    fn body(&self, out: &mut Body<'_>) {
        match self {
            Frame::Hello { json } => out.u8(kind::HELLO).str(json),
            Frame::Ready { json } => out.u8(kind::READY).str(json),
            Frame::Job(job) => out.job(job),
            Frame::Recall { nonce } => out.u8(kind::RECALL).u64(*nonce),
            Frame::Recalled { nonce, seqs } => out.u8(kind::RECALLED).u64(*nonce).seqs(seqs),
            Frame::Started { seq, at_ns } => out.u8(kind::STARTED).u64(*seq).u64(*at_ns),
            Frame::Progress { seq, share, note } => out.u8(kind::PROGRESS).u64(*seq).u64(share.to_bits()).str(note),
            Frame::Log(log) => out.log(log),
            Frame::Evidence { seq, json } => out.u8(kind::EVIDENCE).u64(*seq).str(json),
            Frame::Outcome(outcome) => out.outcome(outcome),
            Frame::Cancel { seq, why } => out.u8(kind::CANCEL).u64(*seq).u8(*why as u8),
            Frame::Heartbeat { loop_lag_us } => out.u8(kind::HEARTBEAT).u64(*loop_lag_us),
            Frame::Drain => out.u8(kind::DRAIN),
            Frame::Bye { json } => out.u8(kind::BYE).str(json),
        };
    }
}

/// Writes fields one after the other, in the order of docs/protocol.md.
struct Body<'a>(&'a mut Vec<u8>);

impl Body<'_> {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn str<S: AsRef<str>>(&mut self, text: &S) -> &mut Self {
        let text = text.as_ref();
        self.u32(length(text.len()));
        self.0.extend_from_slice(text.as_bytes());
        self
    }
    fn seqs(&mut self, seqs: &[u64]) -> &mut Self {
        self.u32(length(seqs.len()));
        for seq in seqs {
            self.u64(*seq);
        }
        self
    }
    fn job<S: AsRef<str>>(&mut self, job: &Job<S>) -> &mut Self {
        let flags = if job.flush_at_once { FLUSH_AT_ONCE } else { 0 };
        self.u8(kind::JOB).u64(job.seq).u8(flags).u32(job.attempt).u64(job.fence);
        self.i64(job.timeout_us).u64(job.memory_bytes).i64(job.run_at);
        self.0.extend_from_slice(&job.id);
        self.str(&job.task).str(&job.args).str(&job.meta)
    }
    fn log<S: AsRef<str>>(&mut self, log: &Log<S>) -> &mut Self {
        self.u8(kind::LOG).u64(log.seq).u8(log.stream as u8).u8(log.level).i64(log.at_us);
        self.str(&log.logger).str(&log.text)
    }
    fn outcome<S: AsRef<str>>(&mut self, outcome: &Outcome<S>) -> &mut Self {
        self.u8(kind::OUTCOME).u64(outcome.seq).u8(outcome.kind as u8).u8(u8::from(outcome.retry));
        self.i64(outcome.until_us).u64(outcome.started_ns).u64(outcome.ended_ns);
        self.u64(outcome.cpu_us).u64(outcome.maxrss_kib).str(&outcome.mark).str(&outcome.payload)
    }
}

/// A length on the wire. One that does not fit is cut off by the check of the whole frame.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
