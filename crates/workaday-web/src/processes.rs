//! What the kernel tells of a worker that runs on this machine: its memory, and the processor time that it took.

use workaday_store::sqlite::read::WorkerStatus;

/// A process as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub resident_kib: i64,
    /// Of all its threads, since it started.
    pub cpu_us: i64,
}

/// Reads /proc; where there is none, nothing is known.
pub struct Processes {
    boot_id: String,
}

impl Processes {
    pub fn here() -> Self {
        let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self { boot_id: read.unwrap_or_default().trim().to_owned() }
    }

    /// The worker's process. A number is used again: it has to have started when the worker did.
    pub fn of(&self, worker: &WorkerStatus) -> Option<Process> {
        if self.boot_id.is_empty() || worker.boot_id != self.boot_id {
            return None;
        }
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", worker.pid)).ok();
        let (stat, statm) = (read("stat")?, read("statm")?);
        let (started_at, cpu_us) = times(&stat)?;
        let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        let page_kib = i64::try_from(rustix::param::page_size() / 1024).ok()?;
        (started_at == worker.process_started_at).then_some(Process { resident_kib: pages * page_kib, cpu_us })
    }
}

/// From /proc/PID/stat: when it started, in ticks since boot, and its processor time in microseconds. Its name may hold anything.
fn times(stat: &str) -> Option<(i64, i64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    let a_second = i64::try_from(rustix::param::clock_ticks_per_second()).ok()?.max(1);
    Some((number(19)?, (number(11)? + number(12)?) * 1_000_000 / a_second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::clock::Timestamp;
    use workaday_core::job::Generation;

    fn this_one(process_started_at: i64, boot_id: String) -> WorkerStatus {
        let pid = i64::from(std::process::id());
        let at = Timestamp(0);
        WorkerStatus {
            worker: 1,
            generation: Generation(1),
            kind: "sync".into(),
            pid,
            boot_id,
            process_started_at,
            release: None,
            started_at: at,
            seen_at: at,
            ended_at: None,
            end_cause: None,
            info: None,
        }
    }

    #[test]
    fn a_process_is_told_when_it_is_the_worker_and_no_other_with_its_number() {
        let here = Processes::here();
        let stat = std::fs::read_to_string("/proc/self/stat").expect("our own line");
        let (started_at, _) = times(&stat).expect("its times");
        let found = here.of(&this_one(started_at, here.boot_id.clone())).expect("this very process");
        assert!(found.resident_kib > 500, "{found:?}");
        assert_eq!(here.of(&this_one(started_at + 1, here.boot_id.clone())), None, "another with its number");
        assert_eq!(here.of(&this_one(started_at, "another boot".into())), None);
    }

    #[test]
    fn a_name_with_brackets_and_blanks_moves_no_field() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 777 0 0";
        let a_second = rustix::param::clock_ticks_per_second() as i64;
        assert_eq!(times(stat), Some((777, 300 * 1_000_000 / a_second)));
    }
}
