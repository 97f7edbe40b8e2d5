"""The backend ``null``: it accepts and discards everything, for benchmarks."""

from __future__ import annotations

from txsmtpx.backends.session import OpenBackend, Session


def null_backend() -> OpenBackend:
    """
    Return a backend that discards every message.

    Returns:
        The backend.  All clients share one session, which has no state.
    """
    session = Session()
    return OpenBackend(lambda connection: session)
