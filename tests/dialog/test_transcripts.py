"""
Every transcript of tests/dialogs: a line at a time, whole, cut at every position, and one octet a segment.

Each play also sees to it that no timer is left when the connection is gone, and that each session was reset
and logged out as often as it must be (law 10).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txsmtpx.testing import BackendCrash, Segments, Transcript, cut_at, one_by_one, whole

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "dialogs").glob("*.txt"))

# Transcripts that are long because something in them is too long are cut at some positions only.
LONG = 4000


@pytest.fixture(params=TRANSCRIPTS, ids=lambda path: path.stem)
def transcript(request, logged_failures):
    transcript = Transcript.read(request.param)
    yield transcript
    crashes = logged_failures.flush(BackendCrash)
    assert bool(crashes) is transcript.crashes


def play(transcript: Transcript, segments: Segments | None) -> None:
    backend = transcript.play(segments)
    assert all(session.logouts == 1 for session in backend.sessions)
    opened = sum(call[0] == "mail" for call in backend.calls)
    assert sum(session.resets for session in backend.sessions) <= opened


def test_a_line_at_a_time(transcript):
    play(transcript, None)


def test_whole(transcript):
    play(transcript, whole)


def test_one_octet_at_a_time(transcript):
    play(transcript, one_by_one)


def test_cut_at_every_position(transcript):
    assert transcript.length > 0
    for position in range(1, transcript.length, 1 if transcript.length < LONG else 997):
        play(transcript, cut_at(position))


def test_every_code_of_law_2_is_in_a_transcript():
    said = "\n".join(path.read_text() for path in TRANSCRIPTS)
    codes = (
        "503 5.5.1", "500 5.5.2", "501 5.5.2", "501 5.5.4", "555 5.5.4", "502 5.5.1", "452 4.5.3", "552 5.3.4",
        "421 4.4.2", "530 5.7.0 Auth", "530 5.7.0 Issue", "538 5.7.11", "535 5.7.8", "504 5.5.4", "501 5.7.0",
    )  # fmt: skip
    assert [code for code in codes if f"c <- {code}" not in said] == []
