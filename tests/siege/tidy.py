"""
Backends of the soak: those of the box, but that VRFY collects garbage, and gives back what the allocator keeps.

Twisted's TLS connections are cycles, which Python collects when it comes to that, and the C library keeps for later
what buffers of all sizes have left between them.  Both look like a leak, and are none.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

from txsmtpx import MaildirBackend, OpenBackend, Session

library = ctypes.CDLL(None)


def collect(session: Any) -> Any:
    """C{session}, with a VRFY that leaves no garbage."""

    def verify(argument: str) -> str:
        gc.collect()
        if hasattr(library, "malloc_trim"):  # glibc
            library.malloc_trim(0)
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
