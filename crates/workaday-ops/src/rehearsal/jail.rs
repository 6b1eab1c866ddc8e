//! Level 3: a network of its own with nothing in it (abstract sockets are part of it), mounts behind walls (see `walls`), and
//! process numbers of its own, so that what a rehearsal started ends with it. Needs user namespaces; where they are forbidden it says so.

use super::walls;
use std::io;
use std::path::Path;

/// The exit code when the kernel allows no namespaces.
pub const REFUSED_EXIT: i32 = 97;

/// Goes into the jail. Returns in a new process, the first of its own; the old one waits for it and exits as it did.
///
/// The process must have one thread. On an error nothing has changed but namespaces of this process, which should exit.
pub fn enter(scratch: &Path) -> io::Result<()> {
    // SAFETY: plain system calls on our own ids.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWPID | libc::CLONE_NEWIPC;
    // SAFETY: unshare changes this process alone; the caller has no other thread.
    check(unsafe { libc::unshare(flags) })?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    raise_loopback()?;
    walls::close(scratch)?;
    // SAFETY: one thread, so the child is a whole copy of this process.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: prctl with plain numbers; should the one outside be killed, nothing in here stays.
            check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
            mount_proc()
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for our own child and fills `status`.
            while unsafe { libc::waitpid(child, &mut status, 0) } == -1 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
            }
            std::process::exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 1 })
        }
    }
}

/// `/proc` of the processes in here. Where it may not be mounted, the old one stays and shows numbers from outside.
fn mount_proc() -> io::Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: constant strings that end with NUL.
    let _ = unsafe { libc::mount(c"proc".as_ptr(), c"/proc".as_ptr(), c"proc".as_ptr(), flags, std::ptr::null()) };
    Ok(())
}

/// 127.0.0.1 works in here, and leads nowhere else.
fn raise_loopback() -> io::Result<()> {
    // SAFETY: a socket of our own, an ifreq that is zeroed and then filled, both gone at the end.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(socket)?;
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        let answer = libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request);
        libc::close(socket);
        check(answer)
    }
}

pub(super) fn check(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
