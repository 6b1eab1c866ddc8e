//! What a drain still waits for, in words: for the log of an end that takes long.

use super::Engine;
use crate::crew::ChildKind;
use std::collections::BTreeMap;

/// So many tasks are named.
const NAMED_MAX: usize = 3;

impl Engine {
    /// `2 running jobs (mail.send, shop.sync), 1 process to end`; empty when nothing is left.
    pub fn left(&self) -> String {
        let mut tasks: BTreeMap<&str, usize> = BTreeMap::new();
        self.crew.flights.values().for_each(|flight| *tasks.entry(&flight.task.entry.name).or_default() += 1);
        let mut named: Vec<String> = tasks.iter().map(|(task, count)| times(task, *count)).take(NAMED_MAX).collect();
        if tasks.len() > NAMED_MAX {
            named.push("…".to_owned());
        }
        let idle = self.crew.children.values().filter(|child| child.order.is_empty() && child.kind != ChildKind::Command).count();
        let mut parts = Vec::new();
        if !self.crew.flights.is_empty() {
            parts.push(format!("{} ({})", counted(self.crew.flights.len(), "running job"), named.join(", ")));
        }
        let unwritten =
            [(idle, "process to end"), (self.settler.len(), "outcome to be written"), (self.chores.len(), "note to be written")];
        parts.extend(unwritten.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what)));
        if !self.journal.pending().is_empty() {
            parts.push("what jobs printed".to_owned());
        }
        if !self.measurer.is_empty() {
            parts.push("figures".to_owned());
        }
        parts.join(", ")
    }
}

fn times(task: &str, count: usize) -> String {
    if count == 1 { task.to_owned() } else { format!("{task} ×{count}") }
}

/// `2 running jobs`; the first word that ends the noun takes the s.
fn counted(count: usize, what: &str) -> String {
    let (noun, rest) = what.split_once(" to ").map_or((what, String::new()), |(noun, rest)| (noun, format!(" to {rest}")));
    let plural = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        _ => "s",
    };
    format!("{count} {noun}{plural}{rest}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn nouns_are_counted() {
        assert_eq!(counted(1, "process to end"), "1 process to end");
        assert_eq!(counted(2, "process to end"), "2 processes to end");
        assert_eq!(counted(3, "running job"), "3 running jobs");
    }
}
