"""
Backends of the soak: those of the box, but that VRFY collects garbage.

Twisted's TLS connections are cycles, which Python collects when it comes to that; until then they look like a leak.
"""

from __future__ import annotations

import gc
from typing import Any

from txsmtpx import MaildirBackend, OpenBackend, Session


def collect(session: Any) -> Any:
    """C{session}, with a VRFY that leaves no garbage."""

    def verify(argument: str) -> str:
        gc.collect()
        return "collected"

    session.verify = verify
    return session


def null() -> OpenBackend:
    """C{null}."""
    session = collect(Session())
    return OpenBackend(lambda connection: session)


def maildir(pattern: str) -> MaildirBackend:
    """C{maildir:PATTERN}."""
    backend = MaildirBackend(pattern)
    login = backend.anonymous_login
    backend.anonymous_login = lambda connection: collect(login(connection))  # type: ignore[method-assign]
    return backend
