"""Reads what the seam wrote down, and keeps what a disk would hold: what was synced, and what was only written."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADER = struct.Struct("<c11sIIQq")
SECTOR = 512
VOLATILE = ("-shm", "-turn", "-wake")
"""Shared memory, locks and sockets: nothing that a power cut could leave."""


@dataclass(frozen=True, slots=True)
class Record:
    what: str
    name: str
    pid: int
    inode: int
    offset: int
    data: bytes


def read(path: Path) -> Iterator[Record]:
    raw = path.read_bytes()
    at = 0
    while at < len(raw):
        what, name, pid, length, inode, offset = HEADER.unpack_from(raw, at)
        at += HEADER.size
        # Without data the length says nothing.
        has_data = what in b"OWURA"
        data = raw[at : at + length] if has_data else b""
        at += length if has_data else 0
        yield Record(what.decode(), name.rstrip(b"\0").decode(), pid, inode, offset, data)


@dataclass
class File:
    """One file: what is safe on the disk, and the writes and truncations that are not, in their order."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, data), or (length, None) for a truncation."""

    def synced(self, count: int) -> None:
        for offset, data in self.pending[:count]:
            put(self.durable, offset, data)
        del self.pending[:count]


def put(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        if offset < len(content):
            del content[offset:]
        else:
            content.extend(bytes(offset - len(content)))
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk:
    """The files of a folder as a disk has them: names too count only when their folder was synced."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.files: dict[int, File] = {}
        self.names: dict[str, int] = {}
        self.names_durable: dict[str, int] = {}
        self.folders: set[int] = set()
        self._begun: dict[tuple[int, int], int] = {}
        self._volatile: set[int] = set()
        for file in folder.iterdir():
            inode = file.stat().st_ino
            self.files[inode] = File(bytearray(file.read_bytes()))
            self.names[file.name] = inode
        self.names_durable = dict(self.names)

    def apply(self, record: Record) -> None:
        match record.what:
            case "O":
                self._opened(record)
            case "W" | "T" if record.inode in self._volatile:
                pass
            case "W" if record.inode in self.files:
                self.files[record.inode].pending.append((record.offset, record.data))
            case "T" if record.inode in self.files:
                self.files[record.inode].pending.append((record.offset, None))
            case "B":
                waiting = len(self.files[record.inode].pending) if record.inode in self.files else 0
                self._begun[record.pid, record.inode] = waiting
            case "E":
                self._synced(record)
            case "U":
                self.names.pop(self._name(record.data), None)
            case "R":
                source, _, target = record.data.partition(b"\0")
                self.names[self._name(target)] = self.names.pop(self._name(source))
            case _:
                pass

    def _name(self, path: bytes) -> str:
        return path.decode().rpartition("/")[2]

    def _opened(self, record: Record) -> None:
        path = record.data.decode()
        if record.name == "folder" or path.rstrip("/") == self.folder:
            self.folders.add(record.inode)
        elif record.inode and path.startswith(self.folder + "/"):
            self.files.setdefault(record.inode, File())
            name = self._name(record.data)
            self.names[name] = record.inode
            if name.endswith(VOLATILE):
                self._volatile.add(record.inode)

    def _synced(self, record: Record) -> None:
        if record.inode in self.folders:
            self.names_durable = dict(self.names)
        elif record.inode in self.files:
            self.files[record.inode].synced(self._begun.get((record.pid, record.inode), 0))

    def is_pending(self) -> bool:
        return self.names != self.names_durable or any(file.pending for file in self.files.values())

    # ---- images ----

    def image(self, how: str, chance: random.Random) -> dict[str, bytearray]:
        """What could be found after the power went now: by name, the content. Shared memory is gone with the power."""
        names = self._found_names(how, chance)
        return {
            name: self._content(self.files[inode], how, chance)
            for name, inode in names.items()
            if inode in self.files and not name.endswith(VOLATILE)
        }

    def _found_names(self, how: str, chance: random.Random) -> dict[str, int]:
        if how == "none":
            return self.names_durable
        if how == "all":
            return self.names
        kept = {}
        for name in self.names_durable.keys() | self.names.keys():
            before, after = self.names_durable.get(name), self.names.get(name)
            inode = before if before == after or chance.random() < 0.5 else after
            if inode is not None:
                kept[name] = inode
        return kept

    def _content(self, file: File, how: str, chance: random.Random) -> bytearray:
        content = bytearray(file.durable)
        if how == "none" or not file.pending:
            return content
        if how == "random":
            how = chance.choice(("sectors", "sectors", "sectors", "prefix", "none", "all", "some"))
        if how == "none":
            return content
        last = chance.randrange(len(file.pending) + 1) if how == "prefix" else len(file.pending)
        share = chance.choice((0.03, 0.2, 0.5, 0.8, 0.97))
        for offset, data in file.pending[:last]:
            if how in {"all", "prefix"} or data is None:
                if data is not None or how in {"all", "prefix"} or chance.random() < share:
                    put(content, offset, data)
            elif how == "some":
                if chance.random() < share:
                    put(content, offset, data)
            else:
                self._put_sectors(content, offset, data, share, chance)
        return content

    def _put_sectors(self, content: bytearray, offset: int, data: bytes, share: float, chance: random.Random) -> None:
        """Each 512-byte sector of a write reaches the disk or does not, by itself."""
        at = 0
        while at < len(data):
            piece = SECTOR - (offset + at) % SECTOR
            if chance.random() < share:
                put(content, offset + at, data[at : at + piece])
            at += piece
