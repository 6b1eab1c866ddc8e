//! What level 3 does to the mounts: all read-only but the scratch place, and no Unix socket or named pipe of the machine
//! leads out.
//!
//! A read-only mount stops no `connect`: a socket is found by its inode. Seen through an overlay, every file has an inode of
//! its own, so a socket or pipe below one is nobody's, also one that is made while we are here; everything else reads as before.
//! The kernel makes no overlay of a folder with mounts below it (what they hide would show), so its folders get one
//! each, and sockets that lie directly in it an empty file on top.
//!
//! Left alone: `/proc`, `/sys` and their like, and the devices in `/dev`, which an overlay would make useless.

use super::jail::check;
use rustix::fs::{CWD, FileType, Mode, OFlags, openat};
use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const AT_RECURSIVE: libc::c_uint = 0x8000;
const MOUNT_ATTR_RDONLY: u64 = 1;
/// The kernel's own, in which nobody can bind a socket; and automounts, which would mount something when looked at.
const KERNELS: &[&str] = &["/proc", "/sys"];
const KERNELS_KINDS: &[&[u8]] = &[b"proc", b"sysfs", b"devpts", b"autofs"];
const DEVICES: &str = "/dev";
/// The one folder in there that is no device's.
const MEMORY: &str = "/dev/shm";

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Closes them for this process and what it starts, in a mount namespace of its own. Stands in the scratch place afterwards:
/// a working folder from before would lead below the walls.
pub fn close(scratch: &Path) -> io::Result<()> {
    mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    attributes(c"/", AT_RECURSIVE, MountAttr { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 })?;
    // Held before it is covered with the rest.
    let inside = folder(scratch)?;
    let mounts = Mounts::read()?;
    let empty = Empty::new(&scratch.join("tmp"))?;
    cover(Path::new("/"), &mounts, scratch, &empty);
    drop(empty);
    let place = path(scratch)?;
    mount(Some(&by(&inside)), &place, None, libc::MS_BIND, None)?;
    attributes(&place, 0, MountAttr { set: 0, clear: MOUNT_ATTR_RDONLY, propagation: 0, userns_fd: 0 })?;
    std::env::set_current_dir(scratch)
}

/// Covers a folder, or else what is in it. Fails in silence: whether a socket is reached is found out by the traps.
fn cover(place: &Path, mounts: &Mounts, scratch: &Path, empty: &Empty) {
    if place == scratch || mounts.kernels.iter().any(|kernels| place == kernels) {
        return;
    }
    if place != Path::new(DEVICES) && !mounts.are_below(place) {
        let _ = overlay(place, empty);
        return;
    }
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        match rustix::fs::lstat(entry.path()).map(|found| FileType::from_raw_mode(found.st_mode)) {
            Ok(FileType::Directory) if place == Path::new(DEVICES) && entry.path() != Path::new(MEMORY) => {}
            Ok(FileType::Directory) => cover(&entry.path(), mounts, scratch, empty),
            Ok(FileType::Socket | FileType::Fifo) => {
                let _ = path(&entry.path()).and_then(|target| mount(Some(&empty.file), &target, None, libc::MS_BIND, None));
            }
            _ => {}
        }
    }
}

fn overlay(place: &Path, empty: &Empty) -> io::Result<()> {
    let below = folder(place)?;
    // By number, not by name: a name may have colons and commas in it, and this one may be covered by then.
    let (target, under) = (by(&below), by(&empty.folder));
    // Two layers are the fewest that go without one to write to.
    let layers = [b"lowerdir=", target.to_bytes(), b":", under.to_bytes()].concat();
    let layers = CString::new(layers).map_err(io::Error::other)?;
    mount(Some(c"overlay"), &target, Some(c"overlay"), libc::MS_RDONLY | libc::MS_NOSUID, Some(&layers))
}

/// An empty folder and an empty file on a file system of their own: no layer may lie within another.
struct Empty {
    folder: OwnedFd,
    file: CString,
    _file: OwnedFd,
}

impl Empty {
    fn new(at: &Path) -> io::Result<Self> {
        let place = path(at)?;
        mount(Some(c"tmpfs"), &place, Some(c"tmpfs"), libc::MS_NOSUID, None)?;
        std::fs::create_dir(at.join("folder"))?;
        std::fs::File::create(at.join("file"))?;
        let file = openat(CWD, at.join("file"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { folder: folder(&at.join("folder"))?, file: by(&file), _file: file })
    }
}

/// The mounts that are there.
struct Mounts {
    all: Vec<PathBuf>,
    /// Those in which there is nothing to cover.
    kernels: Vec<PathBuf>,
}

impl Mounts {
    fn read() -> io::Result<Self> {
        let text = std::fs::read("/proc/self/mountinfo")?;
        let rows: Vec<(PathBuf, Vec<u8>)> = text.split(|byte| *byte == b'\n').filter_map(row).collect();
        let is_kernels = |(place, kind): &&(PathBuf, Vec<u8>)| {
            KERNELS_KINDS.contains(&kind.as_slice()) || KERNELS.iter().any(|tree| place.starts_with(tree))
        };
        let kernels = rows.iter().filter(is_kernels).map(|(place, _)| place.clone()).collect();
        Ok(Self { all: rows.into_iter().map(|(place, _)| place).collect(), kernels })
    }

    fn are_below(&self, place: &Path) -> bool {
        self.all.iter().any(|mount| mount != place && mount.starts_with(place))
    }
}

/// Place and kind of a line of mountinfo: `36 35 98:0 / /mnt\040a rw,noatime master:1 - ext4 /dev/root rw`.
fn row(line: &[u8]) -> Option<(PathBuf, Vec<u8>)> {
    let mut words = line.split(|byte| *byte == b' ');
    let place = unescaped(words.nth(4)?);
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    Some((PathBuf::from(OsString::from_vec(place)), kind.to_vec()))
}

/// `\040` → a space.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (out.push(byte), rest = &after[3..]),
            None => (out.push(*first), rest = after),
        };
    }
    out
}

fn folder(place: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, place, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// A name for what is held, whatever lies over its place.
fn by(held: &OwnedFd) -> CString {
    CString::new(format!("/proc/self/fd/{}", held.as_raw_fd())).unwrap_or_default()
}

fn path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

fn mount(source: Option<&CStr>, target: &CStr, kind: Option<&CStr>, flags: libc::c_ulong, data: Option<&CStr>) -> io::Result<()> {
    let text = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: strings end with NUL and live across the call; the data of a mount is such a string too.
    check(unsafe { libc::mount(text(source), target.as_ptr(), text(kind), flags, text(data).cast()) })
}

fn attributes(path: &CStr, flags: libc::c_uint, wanted: MountAttr) -> io::Result<()> {
    // SAFETY: the path ends with NUL, the struct has the kernel's layout and its size is passed along.
    let answer = unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &raw const wanted, std::mem::size_of::<MountAttr>())
    };
    check(answer as libc::c_int)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_kinds_of_mounts_are_read() {
        let kind = |kind: &str| kind.as_bytes().to_vec();
        assert_eq!(row(b"36 35 98:0 / / rw shared:1 - ext4 /dev/root rw"), Some(("/".into(), kind("ext4"))));
        assert_eq!(row(b"37 36 0:5 /a /srv/my\\040shop\\134x rw - tmpfs tmpfs rw"), Some(("/srv/my shop\\x".into(), kind("tmpfs"))));
        assert_eq!(row(b""), None);
    }

    #[test]
    fn a_folder_with_mounts_below_it_is_told_from_one_without() {
        let mounts = Mounts { all: ["/", "/run/user/1000", "/srv"].map(PathBuf::from).to_vec(), kernels: vec![] };
        for (place, expected) in
            [("/", true), ("/run", true), ("/run/user", true), ("/run/user/1000", false), ("/srv", false), ("/ru", false)]
        {
            assert_eq!(mounts.are_below(Path::new(place)), expected, "{place}");
        }
    }
}
