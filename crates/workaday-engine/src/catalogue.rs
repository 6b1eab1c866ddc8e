//! The tasks as the running children know them, with what was learned of their length.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use workaday_core::catalogue::{TaskEntry, TaskKind};

/// One task and how long it usually runs.
#[derive(Debug)]
pub struct Task {
    pub entry: TaskEntry,
    /// Moving mean of run time in µs; -1 until the first run. Decides how much is sent ahead, nothing else.
    expected_us: AtomicI64,
}

impl Task {
    pub fn new(entry: TaskEntry) -> Self {
        Self { entry, expected_us: AtomicI64::new(-1) }
    }

    /// Expected run time in µs, at least 1; `None` while nothing is known.
    pub fn expected_us(&self) -> Option<i64> {
        let known = self.expected_us.load(Ordering::Relaxed);
        (known >= 0).then_some(known.max(1))
    }

    /// Learns from one run. Long runs count at once, short ones slowly: sending too much ahead is the worse error.
    pub fn learn(&self, ran_us: i64) {
        let known = self.expected_us.load(Ordering::Relaxed);
        let next = match known {
            -1 => ran_us,
            known if ran_us > known => known + (ran_us - known) / 2,
            known => known - (known - ran_us) / 8,
        };
        self.expected_us.store(next.max(0), Ordering::Relaxed);
    }
}

/// The tasks by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    tasks: HashMap<String, Arc<Task>>,
}

impl Catalogue {
    pub fn get(&self, name: &str) -> Option<&Arc<Task>> {
        self.tasks.get(name)
    }
    /// The tasks of one side: commands are stated by the supervisor, all others by the children.
    pub fn of_side(&self, commands: bool) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.values().filter(move |task| is_command(&task.entry) == commands)
    }
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.values()
    }

    /// Takes over what one side states; the other side's tasks stay, and so does what was learned of a task.
    pub fn replace_side(&mut self, commands: bool, entries: Vec<TaskEntry>) {
        let mut tasks: HashMap<String, Arc<Task>> = self.of_side(!commands).map(|task| (task.entry.name.clone(), task.clone())).collect();
        for entry in entries {
            let task = Task::new(entry);
            if let Some(old) = self.tasks.get(&task.entry.name) {
                task.expected_us.store(old.expected_us.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            tasks.insert(task.entry.name.clone(), Arc::new(task));
        }
        self.tasks = tasks;
    }

    /// All of it, as the store had it.
    pub fn load(entries: Vec<TaskEntry>) -> Self {
        let tasks = entries.into_iter().map(|entry| (entry.name.clone(), Arc::new(Task::new(entry)))).collect();
        Self { tasks }
    }

    /// Queues that the tasks name, sorted, `default` always among them.
    pub fn queues(&self) -> Vec<String> {
        let mut queues: Vec<String> = self.tasks.values().map(|task| task.entry.queue.clone()).collect();
        queues.push("default".to_owned());
        queues.sort();
        queues.dedup();
        queues
    }
}

pub fn is_command(entry: &TaskEntry) -> bool {
    entry.kind == TaskKind::Command
}
