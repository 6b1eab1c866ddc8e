//! The Unix sockets of this machine, and whether one of them is reached from here.
//!
//! Nobody is disturbed: a datagram socket asks. The kernel finds a stream's listener and then says that the type is wrong,
//! and a datagram's is told nothing before something is sent.

use super::play::Scene;
use crate::files;
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

/// Sockets that stand for those of production: one at a path outside the scratch place, one abstract. Gone with this.
pub struct Planted {
    pub path: PathBuf,
    pub name: String,
    _listener: UnixListener,
    _abstract: UnixDatagram,
}

impl Planted {
    /// To be tried from inside: these, and the machine's own. Of those in `folders` some may be listed by another name: one
    /// with a long path is bound by way of its folder.
    pub fn show(&self, scene: &mut Scene, folders: &[&Path]) {
        let all: BTreeSet<PathBuf> = known().into_iter().chain(folders.iter().flat_map(|folder| lying_in(folder))).collect();
        scene.sockets = std::iter::once(self.path.clone()).chain(all).collect();
        scene.abstract_socket = Some(self.name.clone());
    }

    pub fn beside(scratch: &Path) -> io::Result<Self> {
        let path = beside(scratch);
        let name = scratch.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _listener = short(&path, |short| UnixListener::bind(short))?;
        let _abstract = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        Ok(Self { path, name, _listener, _abstract })
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the planted socket of a scratch place lies.
pub fn beside(scratch: &Path) -> PathBuf {
    files::with_end(scratch, ".sock")
}

/// Those of the machine that have a path. Not those that containers opened: the kernel lists them in there alone.
pub fn known() -> Vec<PathBuf> {
    let text = std::fs::read("/proc/net/unix").unwrap_or_default();
    let paths: BTreeSet<PathBuf> = text.split(|byte| *byte == b'\n').filter_map(path).collect();
    paths.into_iter().collect()
}

fn lying_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sockets = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket())).map(|entry| entry.path());
    sockets.filter(|path| path.to_str().is_some()).collect()
}

/// `ffff: 00000002 00000000 00010000 0001 01 12345 /run/x.sock`: the eighth word, with its spaces.
fn path(line: &[u8]) -> Option<PathBuf> {
    const BEFORE: usize = 7;
    let mut rest = line;
    for _ in 0..BEFORE {
        rest = rest.trim_ascii_start();
        rest = &rest[rest.iter().position(|byte| *byte == b' ')?..];
    }
    // One space alone stands between: more belong to the path.
    let path = Path::new(OsStr::from_bytes(rest.get(1..)?));
    // Those that are no text cannot be told to the probe.
    (path.is_absolute() && path.to_str().is_some()).then(|| path.to_path_buf())
}

/// Is there somebody behind this path?
pub fn reaches(path: &Path) -> bool {
    is_found(short(path, |short| UnixDatagram::unbound()?.connect(short)))
}

pub fn reaches_abstract(name: &str) -> bool {
    is_found(SocketAddr::from_abstract_name(name).and_then(|at| UnixDatagram::unbound()?.connect_addr(&at)))
}

fn is_found(asked: io::Result<()>) -> bool {
    match asked {
        Ok(()) => true,
        // Found and refused: a stream, or a datagram socket that hears one alone.
        Err(error) => matches!(error.raw_os_error(), Some(libc::EPROTOTYPE | libc::EPERM)),
    }
}

/// By way of its folder: an address has room for 107 bytes.
fn short<T>(path: &Path, by: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let held = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    by(&Path::new("/proc/self/fd").join(held.as_raw_fd().to_string()).join(path.file_name().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_the_kernels_list_and_abstract_names_are_not() {
        let line = |end: &str| path(format!("ffff8880: 00000002 00000000 00010000 0001 01 12345{end}").as_bytes());
        assert_eq!(line(" /run/x.sock"), Some("/run/x.sock".into()));
        assert_eq!(line(" /srv/my shop/x"), Some("/srv/my shop/x".into()));
        assert_eq!((line(" @name"), line(" ./x"), line("")), (None, None, None));
    }

    #[test]
    fn a_planted_socket_is_reached_and_one_that_nobody_holds_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        // Longer than an address.
        let scratch = folder.path().join("x".repeat(120)).join("scratch");
        std::fs::create_dir(scratch.parent().expect("a folder")).expect("made");
        let planted = Planted::beside(&scratch).expect("planted");
        assert!(reaches(&planted.path) && reaches_abstract(&planted.name));
        let own = folder.path().join("own");
        let datagram = UnixDatagram::bind(&own).expect("a socket");
        assert!(reaches(&own) && known().contains(&own) && lying_in(folder.path()).contains(&own));
        drop(datagram);
        assert!(!reaches(&own), "its file is left, and nobody behind it");
        assert!(!reaches(&folder.path().join("nothing")));
        let (path, name) = (planted.path.clone(), planted.name.clone());
        drop(planted);
        assert!(!path.exists() && !reaches_abstract(&name));
    }
}
