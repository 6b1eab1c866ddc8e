"""Where a store may stand: a private file of its own, on a local file system, in a folder that we can write.

Nothing here opens a database that exists. Closing such a descriptor would drop every lock that this process's SQLite
holds on the file, and with them acknowledged jobs.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from workaday.client import failures
from workaday.errors import StoreError

_NETWORK = {
    "nfs": "NFS",
    "nfs4": "NFS",
    "cifs": "CIFS/SMB",
    "smb3": "CIFS/SMB",
    "smbfs": "SMB",
    "9p": "9p",
    "virtiofs": "virtiofs",
    "afs": "AFS",
    "ceph": "Ceph",
}


def prepare(path: Path) -> Path:
    """The one spelling of the store's path, with the file there: made when it was missing, else looked at."""
    folder = _folder(path)
    path = folder / path.name
    refuse_network(path, file_system_of(folder))
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        _make(path)
    except OSError as error:
        raise failures.cannot_open(str(path), str(error)) from None
    else:
        _look(path, found.st_mode)
    return path


def _folder(path: Path) -> Path:
    folder = path.parent
    try:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve(strict=True)
    except OSError as error:
        raise folder_unwritable(folder, error.strerror or str(error)) from None
    if not folder.is_dir():
        raise folder_unwritable(folder, "it is a file")
    return folder


def _look(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise StoreError(
            "store.not_a_file",
            f"`{path}` is a folder, not a file",
            expected="a database file, or a name that is free in a folder that is there",
            retry_note="safe once `database` names a file; nothing was stored",
            hint=f'a file in it: database = "{path / "workaday.db"}"',
        )
    if not stat.S_ISREG(mode):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "something else"
        raise StoreError(
            "store.not_a_file",
            f"`{path}` is {what}, not a file",
            expected="the database file itself: two names for one file lead SQLite to two sets of locks",
            retry_note="safe once `database` names the file; nothing was stored",
            hint=f"`readlink -f {path}` names the file",
        )
    if not os.access(path, os.W_OK):
        raise failures.read_only(str(path))
    if not os.access(path.parent, os.W_OK):
        raise folder_unwritable(path.parent, "no permission to write")


def _make(path: Path) -> None:
    """Before SQLite sees it: with a usual umask it would make the file, and `-wal` and `-shm` after it, readable by all."""
    try:
        # Never closed in this process: another thread's SQLite may have opened the file meanwhile (see above).
        os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return  # another process was quicker: that file is as good
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise failures.full(str(path)) from None
        raise folder_unwritable(path.parent, error.strerror or str(error)) from None
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # the new name survives a power cut
        finally:
            os.close(folder)
    except OSError as error:
        raise failures.io(str(path), error.strerror or str(error)) from None


def folder_unwritable(folder: Path, why: str) -> StoreError:
    in_the_way = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    hint = (
        f"`{in_the_way}` is a file: move it away, or name another place with `database` in workaday.toml"
        if in_the_way.is_file()
        else f"`ls -ld {folder}` and `id` show who may write; workaday.toml `database` names another place"
    )
    return StoreError(
        "store.folder_unwritable",
        f"the folder `{folder}` of the store cannot be used: {why}",
        expected="a folder in which this user may make files (SQLite keeps `-wal` and `-shm` beside the database)",
        retry_note="safe once it is writable; nothing was stored",
        hint=hint,
    )


def refuse_network(path: Path, kind: str) -> None:
    """SQLite's WAL needs shared memory and locks that mean what they say."""
    shown = _NETWORK.get(kind) or ("FUSE" if kind.startswith("fuse") else None)
    if shown is None:
        return
    raise StoreError(
        "store.network_file_system",
        f"the store `{path}` stands on {shown}, where SQLite's locks and shared memory are not to be trusted",
        expected="a local disk: ext4, xfs, btrfs, zfs",
        got=shown,
        retry_note="safe once `database` names a local disk; nothing was stored",
        hint="put the store on a local disk",
    )


def file_system_of(folder: Path) -> str:
    """The kind of file system the folder is on, by the longest mount point above it; empty where that cannot be told."""
    try:
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    best, kind = -1, ""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        # Later lines cover earlier ones of the same place.
        if len(mount) >= best and folder.is_relative_to(mount):
            best, kind = len(mount), right.split(" ")[0]
    return kind
