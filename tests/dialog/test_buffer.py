"""Octets that are held: all of them in order, and at little more memory than there are octets (guarantee 5)."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.dialog.buffer import PIECE, Buffer


@given(st.lists(st.binary(min_size=1, max_size=3) | st.sampled_from([b"x" * (PIECE - 1), b"y" * PIECE, b"z" * 9000])))
def test_it_gives_what_it_was_given(pieces):
    buffer = Buffer()
    for piece in pieces:
        buffer.add(piece)
    assert buffer.size == sum(map(len, pieces))
    taken = buffer.take()
    assert (taken, type(taken)) == (b"".join(pieces), bytes)
    assert (buffer.take(), buffer.size) == (b"", 0)


def test_a_piece_is_not_changed_by_those_after_it():
    buffer, piece = Buffer(), b"one"
    buffer.add(piece)
    buffer.add(b"two")
    assert piece == b"one"
    first = buffer.take()
    buffer.add(b"three")
    assert (first, buffer.take()) == (b"onetwo", b"three")


def test_a_single_piece_is_not_copied():
    buffer, piece = Buffer(), b"x" * 100
    buffer.add(piece)
    assert buffer.take() is piece


def test_it_forgets():
    buffer = Buffer()
    buffer.add(b"one")
    buffer.clear()
    assert (buffer.size, buffer.take()) == (0, b"")


SIZES = {"1": (1,), "2": (2,), "a segment": (1448,), "just small": (PIECE - 1,), "small and large": (1, PIECE)}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_what_it_takes(sizes):
    """Pieces of their own would take 34 octets more each."""
    pieces = [bytes(size) for size in sizes]
    buffer = Buffer()
    tracemalloc.start()
    try:
        while buffer.size < 1_000_000:
            for piece in pieces:
                buffer.add(bytes(bytearray(piece)))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 1.25 * buffer.size + 4096


def test_its_work_grows_with_the_octets():
    def seconds(octets):
        buffer, began = Buffer(), time.process_time()
        for _ in range(octets // 2):
            buffer.add(b"hi")
        buffer.take()
        return time.process_time() - began

    assert min(seconds(1_600_000) for _ in range(3)) < 16 * min(seconds(200_000) for _ in range(3)) + 0.05
