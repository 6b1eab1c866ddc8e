"""The open stores of this process, one for each file, and what becomes of them in a fork."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from workaday import config
from workaday.client.store import Store

_FORK_WAIT_S = 2.0
_stores: dict[Path, Store] = {}
_mutex = threading.Lock()
_held: list[Any] = []


def store_of(database: str | os.PathLike[str] | None) -> Store:
    """The store that an app names; opened on first use."""
    path = config.database_path(database)
    store = _stores.get(path)
    if store is not None:
        return store
    is_new = not path.exists()
    store = _open(path)
    if is_new and config.names_none(database):
        # A script that is started from another folder would fill a store that nobody serves, without a word.
        import logging

        logging.getLogger("workaday").warning(
            "a new store was made at %s: no workaday.toml was found from the current folder upwards. "
            "Its jobs run once `workaday up` is started in that folder",
            store.path,
        )
    return store


def _open(path: Path) -> Store:
    with _mutex:
        store = _stores.get(path)
        if store is None:
            store = Store(path)
            # Two spellings of one file are one store.
            store = _stores.setdefault(store.path, store)
            _stores[path] = store
        return store


def close(path: Path) -> None:
    """Closes a store and forgets it (tests)."""
    with _mutex:
        store = _stores.pop(path, None)
        for spelling in [spelling for spelling, other in _stores.items() if other is store]:
            del _stores[spelling]
    if store is not None:
        config.forget()
        store.close()


def _before_fork() -> None:
    # No other thread may be inside SQLite: the child would inherit its mutexes locked, for ever.
    if _mutex.acquire(timeout=_FORK_WAIT_S):
        _held.append(_mutex)
    for store in set(_stores.values()):
        _held.extend(store.quiesce(_FORK_WAIT_S))


def _after_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_in_child() -> None:
    global _mutex  # noqa: PLW0603 - the inherited lock may be held by a thread that is not here
    _mutex = threading.Lock()
    _held.clear()
    for store in set(_stores.values()):
        store.after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
