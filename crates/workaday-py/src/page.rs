//! The shared page: which job has begun, readable by the supervisor after this process is dead.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

const BYTES: usize = 4096;

/// Two numbers that outlive this process: the highest seq that has begun, and when (CLOCK_MONOTONIC ns).
pub struct Page {
    seq: &'static AtomicU64,
    at_ns: &'static AtomicU64,
}

impl Page {
    /// Maps the page, for the life of the process, and closes the descriptor.
    pub fn map(fd: RawFd) -> io::Result<Self> {
        // SAFETY: a fresh shared mapping of a descriptor that the supervisor made for it; its address is checked before use.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, fd, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the range is the mapping made above; the descriptor is ours and not used again.
        unsafe {
            // A user's fork has no business here: without the mapping it cannot write, whatever it does.
            libc::madvise(address, BYTES, libc::MADV_DONTFORK);
            libc::close(fd);
        }
        // SAFETY: page-aligned, 4096 bytes, never unmapped; both sides only use atomic access.
        let word = |index: usize| unsafe { &*address.cast::<AtomicU64>().add(index) };
        Ok(Self { seq: word(0), at_ns: word(1) })
    }

    /// Says that a job begins now. The time goes first: a kill between the two leaves the older seq, whose job had begun as well.
    pub fn begin(&self, seq: u64, at_ns: u64) {
        self.at_ns.store(at_ns, Ordering::Release);
        self.seq.store(seq, Ordering::Release);
    }
}
