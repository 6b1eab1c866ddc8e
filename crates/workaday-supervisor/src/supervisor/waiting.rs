//! What the loop waits for, and how long at most.

use super::{Supervisor, leaves_by};
use crate::clocks::moment;
use crate::command::Part;
use crate::wakeup::WalWatch;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd;
use workaday_engine::ChildNo;

/// Which descriptor a poll entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Signals,
    Wake,
    Wal,
    Measures,
    Wire(ChildNo),
    Stdout(ChildNo),
    Stderr(ChildNo),
    End(ChildNo),
    Command(ChildNo, Part),
}

impl Supervisor {
    pub(super) fn wait(&mut self) -> Vec<Source> {
        let now = moment();
        let mut until = self.engine.next_at(now).max(self.not_before);
        if let Some(at) = self.wal.as_ref().and_then(WalWatch::next_at) {
            until = until.min(at);
        }
        let kill_after = self.engine.settings.kill_after;
        if let Some(at) = self.processes.values().filter(|child| !child.killed).filter_map(|child| leaves_by(child, kill_after)).min() {
            until = until.min(at);
        }
        if let Some(at) = self.commands.next_at(self.engine.settings.kill_after) {
            until = until.min(at);
        }
        if self.watches_memory() {
            until = until.min(self.memory_at);
        }
        if let Some(at) = self.notifier.next_at() {
            until = until.min(at.max(self.not_before));
        }
        if let Some(at) = self.end_at() {
            until = until.min(at);
        }
        let wait = (until - now.steady).0.max(0);
        let timeout = Timespec { tv_sec: wait / 1_000_000, tv_nsec: (wait % 1_000_000) * 1_000 };
        let sources = self.sources();
        let mut fds: Vec<PollFd<'_>> = sources.iter().map(|source| self.poll_fd(*source)).collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(_) => sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty()).map(|(source, _)| *source).collect(),
        }
    }

    pub(super) fn sources(&self) -> Vec<Source> {
        let mut sources = vec![Source::Signals, Source::Wake];
        sources.extend(self.wal.as_ref().map(|_| Source::Wal));
        sources.extend(self.measures.as_ref().map(|_| Source::Measures));
        for (no, child) in &self.processes {
            // A closed wire would be readable for ever.
            sources.extend(child.closed_at.is_none().then_some(Source::Wire(*no)));
            sources.extend(child.stdout.as_ref().map(|_| Source::Stdout(*no)));
            sources.extend(child.stderr.as_ref().map(|_| Source::Stderr(*no)));
            sources.push(Source::End(*no));
        }
        sources.extend(self.commands.sources().into_iter().map(|(no, part)| Source::Command(no, part)));
        sources
    }

    pub(super) fn poll_fd(&self, source: Source) -> PollFd<'_> {
        if let Source::Command(no, part) = source {
            return self.commands.poll_fd(no, part);
        }
        let child = |no: ChildNo| &self.processes[&no];
        let (fd, flags) = match source {
            Source::Signals => (self.signals.fd(), PollFlags::IN),
            Source::Wake => (self.wake.fd(), PollFlags::IN),
            Source::Wal => (self.wal.as_ref().expect("a source only when there").fd(), PollFlags::IN),
            Source::Measures => (self.measures.as_ref().expect("a source only when there").fd(), PollFlags::IN),
            Source::Wire(no) => {
                let out = if child(no).wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
                (child(no).wire.as_fd(), PollFlags::IN | out)
            }
            Source::Stdout(no) => (child(no).stdout.as_ref().expect("a source only when there").file.as_fd(), PollFlags::IN),
            Source::Stderr(no) => (child(no).stderr.as_ref().expect("a source only when there").file.as_fd(), PollFlags::IN),
            Source::End(no) => (child(no).pidfd.as_fd(), PollFlags::IN),
            Source::Command(..) => unreachable!("answered above"),
        };
        PollFd::from_borrowed_fd(fd, flags)
    }
}
