"""Stores by the names that an operator gives: ``memory``, ``redis`` and ``redis:ENDPOINT``."""

from __future__ import annotations

from pathlib import Path

from txsmtpx.interfaces import Reactor, StoreLike
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.stores.redis_store import ENDPOINT, RedisStore


def store_named(name: str, login: str = "", reactor: Reactor | None = None) -> StoreLike:
    """
    Create a store.

    Args:
        name: ``"memory"``, ``"redis"``, or ``"redis:"`` and the endpoint of Redis.
        login: The path of a file with one line ``NAME:PASSWORD``, or ``:PASSWORD`` for the default user; ``""`` for
            none.
        reactor: The reactor.  None: the global one.

    Returns:
        The store.

    Raises:
        OSError: The file cannot be read.
        ImportError: The package of the store is not installed.
        ValueError: There is no such store, or the endpoint or the file cannot be used.

    Example:
        >>> from twisted.internet.task import Clock
        >>> store_named("memory", reactor=Clock()).shared
        False
    """
    kind, colon, endpoint = name.partition(":")
    if kind == "memory" and not colon:
        if login:
            raise ValueError("the memory has no logins; leave out the login, or name redis:ENDPOINT")
        return MemoryStore(reactor=reactor)
    if kind != "redis" or (colon and not endpoint):
        raise ValueError(f"a store is memory, redis or redis:ENDPOINT, such as redis:tcp:127.0.0.1:6379, not {name!r}")
    username, password = login_of(login) if login else ("", "")
    return RedisStore(endpoint or ENDPOINT, username=username, password=password, reactor=reactor)


def login_of(path: str) -> tuple[str, str]:
    """
    Read the file of a login.

    Args:
        path: The path of a file with one line ``NAME:PASSWORD``, or ``:PASSWORD``.

    Returns:
        The name and the password.

    Raises:
        OSError: It cannot be read.
        ValueError: It has no such line, or several.
    """
    lines = [line for line in Path(path).read_text("utf-8", "replace").splitlines() if line]
    name, colon, password = lines[0].partition(":") if len(lines) == 1 else ("", "", "")
    if not colon or not password or "\N{REPLACEMENT CHARACTER}" in lines[0]:
        raise ValueError(f"{path} has no login; write one line NAME:PASSWORD, or :PASSWORD for the default user")
    return name, password


def login_for_url(path: str) -> tuple[str, str]:
    """
    Read the file of a login, for a URL without one.

    Args:
        path: As for `login_of`.

    Returns:
        The name and the password.

    Raises:
        ValueError: It cannot be read, or has no such line, or several.
    """
    try:
        return login_of(path)
    except OSError as error:
        raise ValueError(f"cannot read the login in {path}: {error.strerror}") from error
