"""Bodies of messages, as programs give them to a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any


async def asynchronous(chunks: Iterable[Any]) -> AsyncIterator[Any]:
    """Return an asynchronous iterator over ``chunks``."""
    for chunk in chunks:
        yield chunk
