"""What a server has stored in a Maildir."""

from __future__ import annotations

from pathlib import Path


def stored(maildir: Path) -> list[bytes]:
    """Return the messages in ``new``, in the order of their names; none where there is no such directory."""
    return [path.read_bytes() for path in sorted(maildir.glob("new/*"))]
