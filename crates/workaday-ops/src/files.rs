//! Private files, their sums, and the room there is for them.

use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use workaday_core::explain::{Problem, RetryAdvice};

/// Makes a new file that only its owner reads. One that is there is an error.
pub fn new_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Makes a folder, and those above it, that only its owner reads.
pub fn private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() { Ok(()) } else { DirBuilder::new().recursive(true).mode(0o700).create(path) }
}

/// Gives a file a name that must be free: what has come to stand there meanwhile is an error, and stays.
///
/// By a second name, which every Unix file system but vfat, exfat and some network mounts can give; there by a rename that
/// takes no place; and where the mount knows neither, by a look and a rename: two programs at the same instant could then
/// not be told apart. The first name may be left, for the caller to delete.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match std::fs::hard_link(from, to) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    // Whatever the link lacked: if it was more than links, the rename fails as well and says why.
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {}
        done => return Ok(done?),
    }
    if std::fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(from, to)
}

/// Makes new names in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Free bytes for this user where `folder` lies; `None` when the kernel does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|found| found.f_bavail * found.f_frsize)
}

/// `path` with `end` at the end of its name.
pub fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Counts and sums what goes through it.
pub struct Summing<T> {
    inner: T,
    sum: Sha256,
    pub bytes: u64,
}

impl<T> Summing<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, sum: Sha256::new(), bytes: 0 }
    }

    /// The inner one, the sum in hexadecimal, the bytes.
    pub fn end(self) -> (T, String, u64) {
        (self.inner, hex(&self.sum.finalize()), self.bytes)
    }
}

impl<T: Write> Write for Summing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(bytes)?;
        self.sum.update(&bytes[..got]);
        self.bytes += got as u64;
        Ok(got)
    }
}

/// SHA-256 of a file, in hexadecimal.
pub fn sum_of(path: &Path) -> io::Result<String> {
    let mut reader = Summing::new(File::open(path)?);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.end().1)
}

/// SHA-256 of bytes, in hexadecimal.
pub fn sum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that could not be read or written, in the words of a practice: `backup.failed`, `restore.failed` …
pub fn failed(code: &'static str, full: &'static str, path: &Path, error: &io::Error, kept: &str) -> Problem {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Problem::new(full, format!("there is no room for `{}`: {error}", path.display()))
            .expected("free space for the copy and for its compressed form")
            .retry(RetryAdvice::SafeAfterFix, format!("safe after space is freed; {kept}"));
    }
    Problem::new(code, format!("`{}` could not be read or written: {error}", path.display()))
        .expected("a folder of this user, on a disk that is well")
        .retry(RetryAdvice::SafeAfterFix, format!("safe after that is mended; {kept}"))
}
