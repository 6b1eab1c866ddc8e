//! Who descends from whom: one look at /proc for the trees of commands.

use std::collections::HashMap;

/// Parent and resident size of every process, at one moment.
#[derive(Debug, Default)]
pub struct Census {
    processes: HashMap<i64, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    parent: i64,
    resident_pages: u64,
    is_dead: bool,
}

impl Census {
    pub fn take() -> Census {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Census::default() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i64>().ok());
        Census { processes: pids.filter_map(|pid| Some((pid, read(pid)?))).collect() }
    }

    /// All that live below `root`, itself left out. What has died and waits to be collected does not count.
    pub fn below(&self, root: i64) -> Vec<i64> {
        let living = self.processes.iter().filter(|(_, entry)| !entry.is_dead);
        living.map(|(pid, _)| *pid).filter(|pid| *pid != root && self.descends(*pid, root)).collect()
    }

    /// Resident bytes of all below `root`. Pages that they share count once for each.
    pub fn resident_bytes_below(&self, root: i64) -> u64 {
        let pages: u64 = self.below(root).iter().map(|pid| self.processes[pid].resident_pages).sum();
        pages * rustix::param::page_size() as u64
    }

    fn descends(&self, pid: i64, root: i64) -> bool {
        let mut at = pid;
        // Parents were read one after the other, so a number used again could close a ring: the walk has a bound.
        for _ in 0..self.processes.len() {
            match self.processes.get(&at) {
                Some(entry) if entry.parent == root => return true,
                Some(entry) if entry.parent > 1 => at = entry.parent,
                _ => return false,
            }
        }
        false
    }
}

/// The fields after the name, which may hold anything: state, parent …, resident pages at the 22nd place.
fn read(pid: i64) -> Option<Entry> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Entry {
        parent: fields.get(1)?.parse().ok()?,
        resident_pages: fields.get(21)?.parse().ok()?,
        is_dead: matches!(*fields.first()?, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_below_its_parent_and_the_parent_is_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a sleep");
        let (own, other) = (i64::from(std::process::id()), i64::from(child.id()));
        let census = Census::take();
        assert!(census.below(own).contains(&other));
        assert!(!census.below(other).contains(&own));
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
    }
}
