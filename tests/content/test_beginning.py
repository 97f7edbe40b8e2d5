"""The beginning of a message is known however its octets are cut."""

from __future__ import annotations

import pytest

from txsmtpx.content.beginning import Beginning

CUT = [
    (b"\r\nbody", 2),
    (b"\nbody", 1),
    (b"A: b\r\n\r\nbody", 8),
    (b"A: b\n\nbody", 6),
    (b"A: b\r\n c\r\n\r\nbody", 12),
]


@pytest.mark.parametrize(("octets", "size"), CUT)
def test_octet_by_octet(octets, size):
    beginning = Beginning(1000)
    told = [beginning.add(octets[at : at + 1]) for at in range(len(octets))]
    assert told.index(True) == size - 1
    assert (bytes(beginning.octets), beginning.complete) == (octets, True)


@pytest.mark.parametrize(("octets", "size"), CUT)
def test_cut_anywhere(octets, size):
    for at in range(len(octets)):
        beginning = Beginning(1000)
        assert beginning.add(octets[:at]) == (at >= size)
        assert beginning.add(octets[at:])


def test_no_end_and_a_limit():
    beginning = Beginning(10)
    assert not beginning.add(b"123456789")
    assert beginning.add(b"0")
    assert Beginning(10).complete is False
