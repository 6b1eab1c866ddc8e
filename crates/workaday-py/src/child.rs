//! The class `Child`, all that Python sees of this crate. Signatures and meanings for Python readers: `_core.pyi`.

use crate::desk::{Desk, Ending};
use crate::shared::Shared;
use crate::{limits, post, sys};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::os::fd::RawFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use workaday_wire::{Frame, Job, Log, OutcomeKind, Stream};

/// The longest text of one frame from Python. Results (1 MiB) are limited long before; a catalogue has room.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// The worker's end of the wire. One a process.
#[pyclass(frozen, module = "workaday._core")]
pub struct Child(Arc<Shared>);

/// Jobs received, (seq, why) of jobs to stop, draining.
type Arrivals = (usize, Vec<(u64, u8)>, bool);
/// seq, task, args, attempt, id, run_at, memory_bytes, meta.
type JobTuple<'py> = (u64, String, String, u32, Bound<'py, PyBytes>, i64, u64, String);

#[pymethods]
impl Child {
    #[new]
    fn new(wire_fd: RawFd, page_fd: RawFd, children_lock_fd: RawFd, kind: &str) -> PyResult<Self> {
        for fd in [wire_fd, page_fd, children_lock_fd] {
            sys::close_on_exec(fd)?;
        }
        sys::die_with_parent()?;
        let shared = Arc::new(Shared::new(wire_fd, page_fd, children_lock_fd, kind != "async")?);
        post::start(Arc::clone(&shared))?;
        Ok(Self(shared))
    }

    /// The signal by which the post thread asks the main thread to interrupt its job.
    #[getter]
    fn interrupt_signal(&self) -> i32 {
        self.0.interrupt_signal
    }

    /// Readable when `arrivals` has something to tell.
    #[getter]
    fn wake_fd(&self) -> RawFd {
        self.0.main_bell.fd().raw()
    }

    fn hello(&self, json: &str) -> PyResult<()> {
        self.living()?.push(&Frame::Hello { json: limited(json)? }, true);
        Ok(())
    }

    /// Says the last word and waits, bounded, until it is out. From then on a closed socket is no alarm.
    fn bye(&self, py: Python<'_>, json: &str, exit_within_us: u64) -> PyResult<()> {
        let shared = self.living()?;
        let last = Frame::Bye { json: limited(json)? };
        let now = sys::monotonic_ns();
        shared.desk().set_exit_deadline(now.saturating_add(exit_within_us.saturating_mul(1000)), now);
        py.detach(|| shared.close(&last));
        Ok(())
    }

    /// Waits for `ready` and returns its JSON; `None` when told to drain before.
    fn wait_ready(&self, py: Python<'_>) -> PyResult<Option<String>> {
        loop {
            {
                let mut desk = self.desk()?;
                if desk.ready.is_some() || desk.draining {
                    return Ok(desk.ready.take());
                }
            }
            self.sleep(py, |desk| desk.ready.is_some() || desk.draining)?;
        }
    }

    fn configure(&self, kill_after_us: u64, log_line_bytes: usize) -> PyResult<()> {
        let shared = self.living()?;
        shared.line_bytes.store(log_line_bytes.clamp(64, TEXT_BYTES_MAX), Ordering::Relaxed);
        shared.desk().set_kill_after(kill_after_us.saturating_mul(1000));
        Ok(())
    }

    /// Begins the next job if one waits.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<JobTuple<'py>>> {
        let shared = self.living()?;
        Ok(shared.begin(&mut shared.desk()).map(|job| tuple(py, job)))
    }

    /// Begins the next job, waiting for one; `None` once drained.
    fn wait_next<'py>(&self, py: Python<'py>) -> PyResult<Option<JobTuple<'py>>> {
        let shared = self.living()?;
        loop {
            let mut desk = shared.desk();
            if let Some(job) = shared.begin(&mut desk) {
                drop(desk);
                return Ok(Some(tuple(py, job)));
            }
            if desk.draining {
                return Ok(None);
            }
            desk.rest(sys::monotonic_ns());
            drop(desk);
            self.sleep(py, |desk| desk.has_waiting() || desk.draining)?;
        }
    }

    /// For an event loop, when `wake_fd` is readable: jobs received since, jobs to stop, whether to drain.
    fn arrivals(&self) -> PyResult<Arrivals> {
        let shared = self.living()?;
        shared.main_bell.silence();
        let mut desk = shared.desk();
        desk.main_sleeps = true;
        let arrived = std::mem::take(&mut desk.arrived);
        let stops = std::mem::take(&mut desk.stops);
        let draining = desk.draining;
        drop(desk);
        Ok((arrived, stops.into_iter().map(|(seq, why)| (seq, why as u8)).collect(), draining))
    }

    /// Writes the outcome of a running job.
    #[pyo3(signature = (seq, kind, payload, retry=false, until_us=0, mark="", cpu_us=0, /))]
    #[allow(clippy::too_many_arguments)] // the fields of one frame
    fn finish(&self, seq: u64, kind: u8, payload: &str, retry: bool, until_us: i64, mark: &str, cpu_us: u64) -> PyResult<()> {
        let shared = self.living()?;
        let kind = OutcomeKind::from_byte(kind).ok_or_else(|| PyValueError::new_err(format!("{kind} is no kind of outcome")))?;
        let ending = Ending { seq, kind, retry, until_us, cpu_us, mark: limited(mark)?, payload: limited(payload)? };
        let mut desk = shared.desk();
        let flush_at_once = desk.finish(&ending, sys::monotonic_ns()).ok_or_else(|| PyValueError::new_err(format!("no job {seq} runs")))?;
        shared.current.store(0, Ordering::Relaxed);
        let at_once = flush_at_once || (shared.single && !desk.has_waiting());
        shared.send_some(&mut desk, at_once);
        Ok(())
    }

    fn flush(&self) -> PyResult<()> {
        let shared = self.living()?;
        shared.flush(&mut shared.desk());
        Ok(())
    }

    /// Seq of the running job of a sync or solo child, 0 between jobs and in an async child.
    fn current(&self) -> u64 {
        self.0.current.load(Ordering::Relaxed)
    }

    /// In the handler of `interrupt_signal`: why the running job must stop, 0 if it need not. Says it once a job.
    fn interrupt(&self) -> PyResult<u8> {
        Ok(self.desk()?.interrupt().map_or(0, |why| why as u8))
    }

    fn progress(&self, seq: u64, share: f64, note: &Bound<'_, PyString>) -> PyResult<()> {
        let note = note.to_string_lossy();
        let note = pieces(&note, self.0.line_bytes.load(Ordering::Relaxed)).next().unwrap_or("");
        self.living()?.push(&Frame::Progress { seq, share, note }, false);
        Ok(())
    }

    fn evidence(&self, seq: u64, json: &str) -> PyResult<()> {
        self.living()?.push(&Frame::Evidence { seq, json: limited(json)? }, false);
        Ok(())
    }

    fn heartbeat(&self, loop_lag_us: u64) -> PyResult<()> {
        self.living()?.push(&Frame::<&str>::Heartbeat { loop_lag_us }, true);
        Ok(())
    }

    /// Sends a line; seq 0 means the running job of a single child. A line above the limit goes as several.
    /// Waits for room without the GIL; drops and counts what finds none in time.
    fn log(&self, py: Python<'_>, seq: u64, stream: u8, level: u8, logger: &str, text: &Bound<'_, PyString>) -> PyResult<()> {
        let shared = self.living()?;
        let seq = if seq == 0 { self.current() } else { seq };
        let stream = Stream::from_byte(stream).ok_or_else(|| PyValueError::new_err(format!("{stream} is no stream")))?;
        let text = text.to_string_lossy();
        for text in pieces(&text, shared.line_bytes.load(Ordering::Relaxed)) {
            if !shared.is_full() || py.detach(|| shared.wait_for_room()) {
                shared.push(&Frame::Log(Log { seq, stream, level, at_us: sys::wall_us(), logger: limited(logger)?, text }), false);
            } else {
                shared.desk().outbox.drop_line(seq);
            }
        }
        Ok(())
    }

    /// Lets this process grow to so many bytes resident; returns the limit to restore.
    fn limit_memory(&self, memory_bytes: u64) -> PyResult<u64> {
        Ok(limits::limit_data(memory_bytes)?)
    }

    fn restore_memory(&self, limit: u64) -> PyResult<()> {
        Ok(limits::set_data_limit(limit)?)
    }

    /// In a user's fork: lets go of all that belongs to the child.
    fn forked(&self) {
        self.0.let_go();
    }
}

impl Child {
    fn living(&self) -> PyResult<&Shared> {
        if self.0.forked.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err(
                "workaday: this process was forked from a worker and is none; log, progress and results belong to the process that runs the job",
            ));
        }
        Ok(&self.0)
    }

    fn desk(&self) -> PyResult<MutexGuard<'_, Desk>> {
        Ok(self.living()?.desk())
    }

    /// Sleeps without the GIL until something comes or a signal does, whose Python handler runs here.
    fn sleep(&self, py: Python<'_>, awake: impl Fn(&Desk) -> bool + Send) -> PyResult<()> {
        let shared = self.living()?;
        py.detach(|| shared.sleep(awake))?;
        py.check_signals()
    }
}

fn tuple(py: Python<'_>, job: Job) -> JobTuple<'_> {
    (job.seq, job.task, job.args, job.attempt, PyBytes::new(py, &job.id), job.run_at, job.memory_bytes, job.meta)
}

fn limited(text: &str) -> PyResult<&str> {
    match text.len() {
        0..=TEXT_BYTES_MAX => Ok(text),
        length => Err(PyValueError::new_err(format!("{length} bytes of text in one frame; at most {TEXT_BYTES_MAX}"))),
    }
}

/// Cuts text into pieces of at most so many bytes, never inside a character.
fn pieces(text: &str, bytes_max: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let (piece, more) = text.split_at(text.floor_char_boundary(bytes_max));
        rest = Some(more).filter(|more| !more.is_empty());
        Some(piece)
    })
}
