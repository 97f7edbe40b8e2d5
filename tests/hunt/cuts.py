"""
The ways in which octets are cut into segments, which TCP is free to choose and a peer too.

Not all of them: whole, one octet a segment, each single cut, and pairs of cuts.  Of what is long those are left out
that lie far from a line end, where nothing is decided.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from txsmtpx.testing import Segments, cut_at, one_by_one, whole

LONG = 600
"""Octets: from here on single cuts lie near line ends, and some between them."""

MOST = 500
"""Single cuts near line ends of what is long."""

SHORT = 40
"""Octets: up to here all pairs of cuts are made."""

NEAR = 3
"""Octets around a line end where a cut may matter: CRLF.CRLF has a dot between its two."""


def positions(octets: bytes, core: range | None = None) -> list[int]:
    """
    Where ``octets`` is cut in two.

    Args:
        core: Where it is cut everywhere while it is short.  What stands around, which other tests cut everywhere, is
            cut near line ends.  None for all of it.
    """
    near = sorted(_near_line_ends(octets))
    if len(octets) <= LONG:
        return sorted({*(range(1, len(octets)) if core is None else [*near, *core])})
    return sorted({*near[:: 1 + len(near) // MOST], *range(1, len(octets), 997)})


def pairs(octets: bytes) -> Iterator[tuple[int, int]]:
    """Where ``octets`` is cut in three: anywhere while it is short, else an octet or two of a line end are alone."""
    if len(octets) <= SHORT:
        yield from itertools.combinations(range(1, len(octets)), 2)
        return
    ends = [at for at, octet in enumerate(octets) if octet in b"\r\n"]
    starts = sorted({at for end in ends for at in (end - 1, end, end + 1) if at > 0})
    yield from ((at, at + size) for at in starts for size in (1, 2) if at + size < len(octets))


def _near_line_ends(octets: bytes) -> set[int]:
    ends = [at for at, octet in enumerate(octets) if octet in b"\r\n"]
    return {at for end in ends for at in range(end - NEAR, end + NEAR + 2) if 0 < at < len(octets)}


def singly(octets: bytes, core: range | None = None) -> Iterator[Segments]:
    """Whole, one octet a segment, cut once."""
    yield whole
    yield one_by_one
    yield from map(cut_at, positions(octets, core))


def ways(octets: bytes) -> Iterator[Segments]:
    """All of the above, and cut twice."""
    yield from singly(octets)
    yield from (cut_at(*pair) for pair in pairs(octets))


def few(octets: bytes, count: int) -> Iterator[Segments]:
    """Whole, one octet a segment where it is not long, and ``count`` single cuts, for where a play is dear."""
    yield whole
    if len(octets) <= LONG:
        yield one_by_one
    near = sorted(_near_line_ends(octets)) or list(range(1, len(octets)))
    step = max(1, len(near) // count)
    yield from map(cut_at, near[::step])
