"""The URL of a store of a queue: ``sqlite:PATH`` or ``postgresql://...``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from txsmtpx.interfaces import Reactor
from txsmtpx.queue.queue_store import QueueStore
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.setting import did_you_mean

_KINDS = ("sqlite", "postgresql")


def store_of(url: str, reactor: Reactor | None = None) -> QueueStore:
    """
    Return the store of a URL.

    Args:
        url: The URL.
        reactor: The reactor.  None: the global one.

    Returns:
        The store.

    Raises:
        ValueError: It is no such URL, or the store cannot be used.

    Example:
        >>> store_of("sqlight:queue.db")
        Traceback (most recent call last):
        ValueError: there is no store sqlight; did you mean sqlite?
    """
    kind, _, rest = url.partition(":")
    if kind == "sqlite" and rest:
        from txsmtpx.queue.sqlite_queue_store import SQLiteQueueStore

        return SQLiteQueueStore(rest, reactor)
    if kind in ("postgresql", "postgres") and rest:
        from txsmtpx.queue.postgresql_queue_store import PostgreSQLQueueStore

        return PostgreSQLQueueStore(url, reactor)
    if kind in _KINDS or not kind:
        raise ValueError("write queue:sqlite:PATH, such as queue:sqlite:/var/lib/txsmtpx/queue.db")
    near = did_you_mean(kind, _KINDS) or "; write queue:sqlite:PATH or queue:postgresql://HOST/DATABASE"
    raise ValueError(f"there is no store {kind}{near}")


def blocking_queue(url: str) -> SQLQueue:
    """
    Return the queue of a URL for a program without a reactor.

    Args:
        url: The URL.

    Returns:
        The queue.

    Raises:
        ValueError: It is no such URL, or there is no such queue.
        ImportError: psycopg is not installed.
    """
    kind, _, path = url.partition(":")
    if kind == "sqlite" and path:
        if not os.path.exists(path):
            raise ValueError(f"there is no queue {path}; write the URL that --backend queue:URL of the server has")
        from txsmtpx.queue.sqlite_queue import SQLiteQueue
        from txsmtpx.queue.sqlite_schema import SCHEMA
        from txsmtpx.stores import sqlite_file

        sqlite_file.check(path, SCHEMA)
        return SQLiteQueue(os.path.abspath(path), Path(f"{os.path.abspath(path)}-bodies"))
    store_of(url)  # which explains what is wrong with it
    from txsmtpx.queue.postgresql_queue import PostgreSQLQueue

    return PostgreSQLQueue(url, Path(tempfile.gettempdir()))
