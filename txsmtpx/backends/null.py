"""
``null``: takes everything, looks at nothing.  For benchmarks.
"""

from __future__ import annotations

from txsmtpx.backends.session import OpenBackend, Session


def null_backend() -> OpenBackend:
    """Everybody shares one session, which keeps no state."""
    session = Session()
    return OpenBackend(lambda connection: session)
