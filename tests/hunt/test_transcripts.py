"""
Every transcript of tests/dialogs, however its octets are cut: the same replies, the same messages.

Whole, so that each command is in one segment with what follows it; one octet a segment; cut at every
position, and at pairs of positions; and so again inside TLS, where what was said before is forgotten (guarantee 6).

Each play also sees to it that no timer is left when the connection is gone, and that each session was reset
and logged out as often as it must be (guarantee 10).
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
def test_every_cut(transcript):
    assert transcript.octets
    for segments in cuts.ways(transcript.octets):
        play(transcript, segments)


@each_inside_tls
def test_inside_tls(transcript, pem):
    for segments in [None, *cuts.few(transcript.octets, CUTS_INSIDE_TLS)]:
        play(transcript, segments, partial(Secured, pem=pem))


def test_what_is_in_the_clear_is_there():
    assert {path.stem for path in TRANSCRIPTS} > IN_THE_CLEAR
