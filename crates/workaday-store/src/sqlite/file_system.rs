//! Which file systems a store may live on. SQLite's WAL needs shared memory and locks that mean what they say.

use crate::error::Result;
use std::path::Path;
use workaday_core::explain::{Problem, RetryAdvice};

/// What a file system is good for, as a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// Works, but what it holds is gone after a restart or with the container.
    NotDurable(&'static str),
    /// Locks or shared memory do not reach across its users: acknowledged jobs can be lost.
    Refused(&'static str),
}

/// Judges by the magic number of statfs(2).
pub const fn judge(magic: i64) -> Verdict {
    match magic as u32 {
        0x0000_6969 => Verdict::Refused("NFS"),
        0xff53_4d42 | 0xfe53_4d42 => Verdict::Refused("CIFS/SMB"),
        0x0000_517b => Verdict::Refused("SMB"),
        0x0102_1997 => Verdict::Refused("9p"),
        0x6573_5546 => Verdict::Refused("FUSE"),
        0x5346_414f => Verdict::Refused("AFS"),
        0x00c3_6400 => Verdict::Refused("Ceph"),
        0x0102_1994 => Verdict::NotDurable("tmpfs"),
        0x794c_7630 => Verdict::NotDurable("overlayfs"),
        0x8584_58f6 => Verdict::NotDurable("ramfs"),
        _ => Verdict::Fine,
    }
}

/// Looks at the folder of `path`. Returns a warning, or refuses unless the operator has said that he knows.
pub fn check(path: &Path, allow_network: bool) -> Result<Option<Problem>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    match judge(magic(folder)) {
        Verdict::Fine => Ok(None),
        Verdict::NotDurable(kind) => Ok(Some(not_durable(path, kind))),
        Verdict::Refused(kind) if allow_network => Ok(Some(refused(path, kind))),
        Verdict::Refused(kind) => Err(refused(path, kind).into()),
    }
}

/// The verdict on the folder of a file, without a word said.
pub fn verdict(path: &Path) -> Verdict {
    judge(magic(path.parent().unwrap_or(Path::new("."))))
}

fn not_durable(path: &Path, kind: &str) -> Problem {
    Problem::new("store.not_durable", format!("the store `{}` stands on {kind}: its jobs do not survive a restart", path.display()))
        .expected("a disk: ext4, xfs, btrfs, zfs")
        .retry(RetryAdvice::Safe, "this is a warning; everything works meanwhile")
        .hint("mount a volume for the folder of the database (the folder, not the file alone)")
}

fn refused(path: &Path, kind: &str) -> Problem {
    Problem::new("store.network_file_system", format!("the store `{}` stands on {kind}, where SQLite's locks and shared memory are not to be trusted", path.display()))
        .expected("a local disk: ext4, xfs, btrfs, zfs")
        .got(kind)
        .retry(RetryAdvice::SafeAfterFix, "safe once `database` names a local disk; nothing was stored")
        .hint("put the store on a local disk, or use PostgreSQL for several machines; `allow_network_file_system = true` overrides this, at the risk of acknowledged jobs")
}

#[cfg(target_os = "linux")]
fn magic(folder: &Path) -> i64 {
    use std::os::unix::ffi::OsStrExt;
    let Ok(name) = std::ffi::CString::new(folder.as_os_str().as_bytes()) else { return 0 };
    let mut found = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: `name` is NUL-terminated and `found` is a statfs that the kernel fills; zeroed bytes are a valid one too.
    let found = unsafe {
        if libc::statfs(name.as_ptr(), found.as_mut_ptr()) != 0 {
            return 0; // cannot tell: opening the file says more
        }
        found.assume_init()
    };
    #[allow(clippy::unnecessary_cast)] // the width of f_type differs between platforms
    {
        found.f_type as i64
    }
}

/// Elsewhere (development on macOS) nothing is judged.
#[cfg(not(target_os = "linux"))]
fn magic(_folder: &Path) -> i64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_refused_and_volatile_ones_named() {
        for (magic, kind) in
            [(0x6969, "NFS"), (0xff53_4d42, "CIFS/SMB"), (0xfe53_4d42, "CIFS/SMB"), (0x0102_1997, "9p"), (0x6573_5546, "FUSE")]
        {
            assert_eq!(judge(magic), Verdict::Refused(kind));
        }
        assert_eq!(judge(0x0102_1994), Verdict::NotDurable("tmpfs"));
        assert_eq!(judge(0x794c_7630), Verdict::NotDurable("overlayfs"));
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1] {
            assert_eq!(judge(local), Verdict::Fine);
        }
        // f_type is signed on some platforms.
        assert_eq!(judge(i64::from(0xff53_4d42_u32 as i32)), Verdict::Refused("CIFS/SMB"));
    }

    #[test]
    fn a_refusal_names_the_kind_and_the_way_out() {
        let problem = refused(Path::new("/mnt/share/workaday.db"), "NFS");
        assert_eq!(problem.code, "store.network_file_system");
        assert_eq!(problem.got.as_deref(), Some("NFS"));
        assert!(problem.hint.is_some());
    }
}
