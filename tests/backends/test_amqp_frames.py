"""The lengths of frames, however the stream is cut."""

from __future__ import annotations

import pytest

from txsmtpx.backends.amqp_frames import MOST, FrameCheck

FRAMES = b"".join(
    [
        b"\x01\x00\x00\x00\x00\x00\x03abc\xce",
        b"\x08\x00\x00\x00\x00\x00\x00\xce",
        b"\x03\x00\x01\x00\x00\x00\x01x\xce",
    ]
)


def feed(check: FrameCheck, stream: bytes, size: int) -> None:
    for start in range(0, len(stream), size):
        check.check(stream[start : start + size])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 11, 100])
def test_frames(size) -> None:
    check = FrameCheck()
    for _ in range(2):
        feed(check, FRAMES, size)


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "does not send frames of AMQP 0-9-1"),
        (b"AMQP\x00\x00\x09\x01", "does not send frames of AMQP 0-9-1"),
        (b"\x03\x00\x01" + (MOST + 1).to_bytes(4, "big"), f"a frame of {MOST + 1} octets, and {MOST} are the limit"),
    ],
)
def test_what_is_no_frame(octets, error, size) -> None:
    with pytest.raises(ValueError, match=error):
        feed(FrameCheck(), FRAMES + octets, size)


def test_the_longest_frame() -> None:
    check = FrameCheck()
    check.check(b"\x03\x00\x01" + MOST.to_bytes(4, "big") + b"x" * MOST + b"\xce" + FRAMES)
