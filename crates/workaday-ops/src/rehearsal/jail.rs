//! Level 3: a network of its own with nothing in it, every mount read-only but the scratch place, and process numbers of
//! its own, so that what a rehearsal started ends with it. Needs user namespaces; where they are forbidden it says so.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The exit code when the kernel allows no namespaces.
pub const REFUSED_EXIT: i32 = 97;

const AT_RECURSIVE: libc::c_uint = 0x8000;
const MOUNT_ATTR_RDONLY: u64 = 1;

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

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
    close_mounts(scratch)?;
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

/// All mounts read-only, for us and what we start; the scratch place stays as it is.
fn close_mounts(scratch: &Path) -> io::Result<()> {
    let scratch = CString::new(scratch.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let root = c"/";
    mount(None, root, libc::MS_REC | libc::MS_PRIVATE)?;
    mount(Some(&scratch), &scratch, libc::MS_BIND)?;
    attributes(root, AT_RECURSIVE, MountAttr { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 })?;
    attributes(&scratch, 0, MountAttr { set: 0, clear: MOUNT_ATTR_RDONLY, propagation: 0, userns_fd: 0 })
}

fn mount(source: Option<&CString>, target: &std::ffi::CStr, flags: libc::c_ulong) -> io::Result<()> {
    let source = source.map_or(std::ptr::null(), |source| source.as_ptr());
    // SAFETY: strings end with NUL and live across the call; no data is passed.
    check(unsafe { libc::mount(source, target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
}

fn attributes(path: &std::ffi::CStr, flags: libc::c_uint, wanted: MountAttr) -> io::Result<()> {
    // SAFETY: the path ends with NUL, the struct has the kernel's layout and its size is passed along.
    let answer = unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &raw const wanted, std::mem::size_of::<MountAttr>())
    };
    check(answer as libc::c_int)
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

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
