//! What changed, told to every page that is open: names of regions, at most once a second.
//!
//! With the names goes the pace: how long a page waits between two looks. It grows with the pages that are open, so that
//! all of them together ask for some ten parts a second, however many they are.
//! One poller looks for all viewers, and only while there are some. Viewers hold no statement and no thread.

use crate::answer::{self, Answer};
use crate::window::Window;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::access::Marks;

/// Open pages at once.
pub const VIEWERS_MAX: usize = 800;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What one open page adds to the pace of all.
const PACE_OF_ONE: Duration = Duration::from_millis(100);
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Who follows is judged anew as often: a session that has ended, a token that was revoked hears no more.
const JUDGE_EVERY: Duration = Duration::from_secs(10);
/// A stream ends after this long and the browser asks anew.
const STREAM_LONGEST: Duration = Duration::from_secs(600);

/// Regions that move with each mark, in the order of `changes.sql`.
const REGIONS: [&[&str]; 15] = [
    &["jobs", "queues", "strip"],
    &["jobs", "job", "strip"],
    &["jobs", "job", "errors", "strip"],
    &["jobs", "job"],
    &["jobs", "job", "queues"],
    &["jobs", "job"],
    &["needs", "alerts"],
    &["schedules", "schedule"],
    &["schedules", "schedule"],
    &["holds", "queues", "task"],
    &["workers"],
    &["task", "checks"],
    &["audit"],
    &["releases", "release"],
    &["releases", "checks"],
];

pub struct Live {
    changes: broadcast::Sender<Arc<str>>,
    viewers: AtomicUsize,
    looking: AtomicBool,
    /// Is it known how the store stands, so that a change after now is told?
    measured: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            changes: broadcast::channel(4).0,
            viewers: AtomicUsize::new(0),
            looking: AtomicBool::new(false),
            measured: watch::channel(false).0,
        }
    }
}

impl Live {
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }
}

/// Counts a viewer out, also when the connection breaks.
struct Seat(Arc<Window>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.live.viewers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// May the one who follows still look? Asked on a thread that may block.
pub type Still = Arc<dyn Fn() -> bool + Send + Sync>;

/// `GET /events`: who may look has been decided before, and is decided again by `still`.
pub fn stream(window: &Arc<Window>, still: Still) -> Result<Answer, Problem> {
    if window.live.viewers.fetch_add(1, Ordering::AcqRel) >= VIEWERS_MAX {
        window.live.viewers.fetch_sub(1, Ordering::AcqRel);
        return Err(Problem::new("web.too_busy", format!("{VIEWERS_MAX} pages are open already"))
            .expected("fewer open pages that follow what happens")
            .retry(RetryAdvice::Safe, "safe in a moment; pages can be read without following"));
    }
    let seat = Seat(Arc::clone(window));
    let changes = window.live.changes.subscribe();
    if !window.live.looking.swap(true, Ordering::AcqRel) {
        tokio::spawn(look(Arc::clone(window)));
    }
    let ends = Instant::now() + STREAM_LONGEST;
    let first = Some(Bytes::from_static(b"retry: 3000\n: workaday\n\n"));
    let judged = Instant::now();
    let measured = Some(window.live.measured.subscribe());
    let start = (seat, changes, first, measured, still, judged);
    let events = stream::unfold(start, move |(seat, mut changes, first, measured, still, mut judged)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, Infallible>(first), (seat, changes, None, measured, still, judged)));
        }
        if let Some(mut measured) = measured {
            let _ = tokio::time::timeout(HEARTBEAT, measured.wait_for(|measured| *measured)).await;
            let following = Bytes::from_static(b"event: following\ndata: {}\n\n");
            return Some((Ok(following), (seat, changes, None, None, still, judged)));
        }
        if Instant::now() >= ends {
            return None;
        }
        let event = match tokio::time::timeout(HEARTBEAT, changes.recv()).await {
            Ok(Ok(event)) => Bytes::copy_from_slice(event.as_bytes()),
            // A slow viewer missed some: everything may have changed.
            Ok(Err(RecvError::Lagged(_))) => Bytes::from_static(b"event: changed\ndata: {\"regions\":[\"*\"]}\n\n"),
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => Bytes::from_static(b": still here\n\n"),
        };
        if judged.elapsed() >= JUDGE_EVERY {
            let asked = Arc::clone(&still);
            if !tokio::task::spawn_blocking(move || asked()).await.unwrap_or(false) {
                return None;
            }
            judged = Instant::now();
        }
        Some((Ok(event), (seat, changes, None, None, still, judged)))
    });
    let mut answer = answer::text(StatusCode::OK, "text/event-stream; charset=utf-8", Body::from_stream(events));
    // Proxies must not wait for more before they pass an event on.
    answer.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    answer.headers_mut().insert(header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Looks once a second while somebody watches.
async fn look(window: Arc<Window>) {
    let mut last: Option<Seen> = None;
    while window.live.viewers() > 0 {
        let asked = Arc::clone(&window);
        let known = last;
        let seen = tokio::task::spawn_blocking(move || marks(&asked, known)).await.ok().flatten();
        if let (Some(before), Some(now)) = (last, seen)
            && let Some(event) = event(&before, &now, window.live.viewers())
        {
            // Nobody listens just now: the next viewer reads the page anyway.
            let _ = window.live.changes.send(event.into());
        }
        last = seen.or(last);
        window.live.measured.send_replace(last.is_some());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    window.live.measured.send_replace(false);
    window.live.looking.store(false, Ordering::Release);
    // A viewer who came between the last look and this line starts the next poller himself, or is seen here.
    if window.live.viewers() > 0 && !window.live.looking.swap(true, Ordering::AcqRel) {
        Box::pin(look(window)).await;
    }
}

/// A number that moves with each commit of others, and the marks then.
type Seen = (i64, Marks);

/// The marks of now; the ones known when nobody has committed since.
fn marks(window: &Window, known: Option<Seen>) -> Option<Seen> {
    let mut kept = window.live_reader();
    let reader = kept.as_ref()?;
    let version = reader.data_version().ok()?;
    if let Some((seen, marks)) = known
        && seen == version
    {
        return Some((seen, marks));
    }
    match reader.marks() {
        Ok(marks) => Some((version, marks)),
        Err(error) => {
            tracing::debug!(%error, "pages that follow could not be told what changed");
            *kept = None;
            None
        }
    }
}

/// The least time between two looks of a page, with so many open.
fn pace(viewers: usize) -> Duration {
    LOOK_EVERY.max(PACE_OF_ONE * u32::try_from(viewers).unwrap_or(u32::MAX))
}

/// The regions of the marks that moved, and the pace in ms. `status` moves with any.
///
/// What a running job prints, and how far it is, moves no mark: whoever looks at one looks again after any commit.
fn event(before: &Seen, now: &Seen, viewers: usize) -> Option<String> {
    if before.0 == now.0 {
        return None;
    }
    let moved = before.1.iter().zip(now.1).zip(REGIONS).filter(|((before, now), _)| *before != now);
    let mut regions: Vec<&str> = moved.flat_map(|(_, regions)| regions.iter().copied()).collect();
    if !regions.is_empty() {
        regions.push("status");
    }
    regions.push("running");
    regions.sort_unstable();
    regions.dedup();
    Some(format!("event: changed\ndata: {}\n\n", serde_json::json!({"regions": regions, "pace": pace(viewers).as_millis()})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_the_regions_that_moved_and_no_others() {
        let before: Seen = (1, [Some(1); 15]);
        let mut now = before;
        assert_eq!(event(&before, &now, 1), None);
        now.0 = 2;
        let of = |regions: &str| format!("event: changed\ndata: {{\"pace\":1000,\"regions\":{regions}}}\n\n");
        assert_eq!(event(&before, &now, 1).unwrap(), of("[\"running\"]"), "a line of a log moves no mark");
        now.1[6] = Some(2);
        assert_eq!(event(&before, &now, 1).unwrap(), of("[\"alerts\",\"needs\",\"running\",\"status\"]"));
    }

    #[test]
    fn many_pages_together_ask_no_more_than_ten() {
        assert_eq!(pace(1), pace(10));
        for viewers in [10, 100, 500, VIEWERS_MAX] {
            assert!(viewers as f64 / pace(viewers).as_secs_f64() <= 10.0, "{viewers}");
        }
    }
}
