//! The shared page: the child writes the number of each job before it calls it, so that after its death we know who had begun.

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

const PAGE_BYTES: usize = 4096;

/// One mapped page and the descriptor that the child maps too.
#[derive(Debug)]
pub struct Page {
    fd: OwnedFd,
    memory: *mut std::ffi::c_void,
}

impl Page {
    pub fn new() -> std::io::Result<Page> {
        let fd = memfd_create("workaday-page", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, PAGE_BYTES as u64)?;
        // SAFETY: a fresh mapping of a file of this size; it is unmapped in `drop` and nowhere else.
        let memory = unsafe { mmap(std::ptr::null_mut(), PAGE_BYTES, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &fd, 0)? };
        Ok(Page { fd, memory })
    }

    pub fn fd(&self) -> impl AsFd + '_ {
        &self.fd
    }

    /// The highest job number that has begun; 0 = none.
    pub fn begun(&self) -> u64 {
        self.word(0)
    }

    /// CLOCK_MONOTONIC ns at which it began.
    pub fn begun_ns(&self) -> u64 {
        self.word(1)
    }

    fn word(&self, index: usize) -> u64 {
        // SAFETY: the page is mapped for the life of `self`, aligned to 4096, and both processes use atomic accesses.
        let word = unsafe { &*self.memory.cast::<AtomicU64>().add(index) };
        word.load(Ordering::Acquire)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length; nothing borrows from it.
        let _ = unsafe { munmap(self.memory, PAGE_BYTES) };
    }
}
