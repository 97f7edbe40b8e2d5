"""
Every transcript of tests/dialogs, however its octets are cut: the same replies, the same messages.

A line at a time; whole, so that each command is in one segment with what follows it; one octet a segment; cut at every
position, and at pairs of positions; and so again inside TLS, where what was said before is forgotten (law 6).

Each play also sees to it that no timer is left when the connection is gone, and that each session was reset
and logged out as often as it must be (law 10).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.hunt import cuts
from tests.hunt.secured import Secured
from txsmtpx.testing import BackendCrash, Conversation, Transcript

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "dialogs").glob("*.txt"))

# What these are about is the clear, the first command of a connection, or TLS itself; or their HELP tells of STARTTLS.
IN_THE_CLEAR = {
    "auth_not_offered",
    "hello_clear",
    "hello_lmtp",
    "hello_tls_auth",
    "hello_with_certificate",
    "http_connect",
    "http_get",
    "http_post",
    "inside_tls",
    "not_offered",
    "require_tls",
    "tls_hello",
    "verify",
    "xclient_limits",  # whose waits of no time at all the link in memory does by itself
}

CUTS_INSIDE_TLS = 12


@pytest.fixture
def transcript(request, logged_failures):
    transcript = Transcript.read(request.param)
    yield transcript
    crashes = logged_failures.flush(BackendCrash)
    assert bool(crashes) is transcript.crashes


each = pytest.mark.parametrize("transcript", TRANSCRIPTS, indirect=True, ids=lambda path: path.stem)
each_inside_tls = pytest.mark.parametrize(
    "transcript",
    [path for path in TRANSCRIPTS if path.stem not in IN_THE_CLEAR],
    indirect=True,
    ids=lambda path: path.stem,
)


def play(transcript, segments, conversation=Conversation) -> None:
    backend = transcript.play(segments, conversation)
    assert all(session.logouts == 1 for session in backend.sessions)
    opened = sum(call[0] == "mail" for call in backend.calls)
    assert sum(session.resets for session in backend.sessions) <= opened


@each
def test_a_line_at_a_time(transcript):
    play(transcript, None)


@each
def test_every_cut(transcript):
    assert transcript.octets
    for segments in cuts.ways(transcript.octets):
        play(transcript, segments)


@each_inside_tls
def test_inside_tls(transcript, pem):
    for segments in [None, *cuts.few(transcript.octets, CUTS_INSIDE_TLS)]:
        play(transcript, segments, partial(Secured, pem=pem))


def test_every_code_of_law_2_is_in_a_transcript():
    said = "\n".join(path.read_text() for path in TRANSCRIPTS)
    codes = (
        "503 5.5.1", "500 5.5.2", "501 5.5.2", "501 5.5.4", "555 5.5.4", "502 5.5.1", "452 4.5.3", "552 5.3.4",
        "421 4.4.2", "530 5.7.0 Auth", "530 5.7.0 Issue", "538 5.7.11", "535 5.7.8", "504 5.5.4", "501 5.7.0",
    )  # fmt: skip
    assert [code for code in codes if f"c <- {code}" not in said] == []


def test_what_is_in_the_clear_is_there():
    assert {path.stem for path in TRANSCRIPTS} > IN_THE_CLEAR
