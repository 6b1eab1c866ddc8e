//! What runs beside the supervisor in its process: the window, the courier of alerts.
//!
//! Each has a thread and its own connection to the store. None can stop the jobs: a panic or an error is logged, and the
//! part is started again, ever more slowly. They outlive the drain, so that the pages show it, and end with the supervisor.

use crate::ending::{THREAD_PATIENCE, join_within};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two starts of a part that fails: the first, and the longest.
const RESTART_FIRST: Duration = Duration::from_secs(1);
const RESTART_LONGEST: Duration = Duration::from_secs(60);

/// What a part is given.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The SQLite file.
    pub database: PathBuf,
    /// The folder of workaday.toml, else the current one.
    pub root: PathBuf,
    pub release: Option<String>,
    pub stop: Stop,
}

/// Asked to end? Cheap to clone, can be waited for.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Waits until asked to end, at most this long. True: end now.
    pub fn wait(&self, at_most: Duration) -> bool {
        let (asked, changed) = &*self.0;
        let guard = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed.wait_timeout_while(guard, at_most, |asked| !*asked).unwrap_or_else(PoisonError::into_inner);
        *guard
    }

    pub fn is_asked(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    pub fn ask(&self) {
        let (asked, changed) = &*self.0;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }
}

/// Runs until `ground.stop`; the error is one sentence. Called again, from nothing, after an error or a panic.
pub type Work = Box<dyn FnMut(&Ground) -> Result<(), String> + Send>;

/// One part: its name (also of its thread) and what it does.
pub struct Part {
    pub name: &'static str,
    pub work: Work,
}

/// The running parts; they are asked to end when this is dropped, and waited for a little.
pub struct Beside {
    stop: Stop,
    threads: Vec<(&'static str, JoinHandle<()>)>,
}

impl Beside {
    pub fn start(parts: Vec<Part>, ground: &Ground) -> Beside {
        let mut threads = Vec::new();
        for part in parts {
            let (name, ground) = (part.name, ground.clone());
            match std::thread::Builder::new().name(name.into()).spawn(move || keep_running(part, &ground)) {
                Ok(thread) => threads.push((name, thread)),
                Err(error) => tracing::error!(%error, "{name} could not be started: jobs run without it"),
            }
        }
        Beside { stop: ground.stop.clone(), threads }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop.ask();
        let until = Instant::now() + THREAD_PATIENCE;
        for (name, thread) in self.threads.drain(..) {
            if !join_within(thread, until) {
                tracing::warn!("{name} did not end within {} s and is left behind", THREAD_PATIENCE.as_secs());
            }
        }
    }
}

fn keep_running(mut part: Part, ground: &Ground) {
    let mut pause = RESTART_FIRST;
    loop {
        let began = Instant::now();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (part.work)(ground)));
        if ground.stop.is_asked() {
            return;
        }
        let why = match ended {
            Ok(Ok(())) => return,
            Ok(Err(why)) => why,
            Err(_) => "it panicked: that is our mistake, the lines above say where".to_owned(),
        };
        // One that held for a while starts its ladder anew.
        pause = if began.elapsed() > RESTART_LONGEST { RESTART_FIRST } else { pause };
        tracing::error!(seconds = pause.as_secs(), "{} ended: {why}; jobs go on, it is started again in {} s", part.name, pause.as_secs());
        if ground.stop.wait(pause) {
            return;
        }
        pause = (pause * 2).min(RESTART_LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_part_that_panics_is_started_again_and_ends_when_asked() {
        let (said, heard) = channel();
        let mut starts = 0;
        let work: Work = Box::new(move |ground| {
            starts += 1;
            said.send(starts).expect("the test listens");
            assert!(starts > 1, "the first start panics");
            while !ground.stop.wait(Duration::from_secs(60)) {}
            Ok(())
        });
        let ground = Ground { database: "x.db".into(), root: ".".into(), release: None, stop: Stop::default() };
        let beside = Beside::start(vec![Part { name: "test part", work }], &ground);
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok(1));
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)), Ok(2));
        drop(beside);
        assert!(ground.stop.is_asked());
    }
}
