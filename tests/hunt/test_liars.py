"""
The lies of `tests.hunt.liars`, however they are cut: our client comes to the same, and says the same (guarantee 15).

A reply too many never becomes the next command's without an end of it, and what stands in the clear behind the
answer to STARTTLS is never taken for a reply (guarantee 6, RFC 3207 §6).  A reply too many that comes together with the
one before is noticed at once; one that comes after the next command was sent is noticed later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hunt import cuts
from tests.hunt.liars import INJECTED, LIES, OFFERS, injections
from tests.hunt.wire_tap import CuttingNetwork
from txsmtpx import Plain
from txsmtpx.testing import Outcome, ScriptedServer, Segments, whole


def session(client: Any) -> Iterator[tuple[str, Any]]:
    """All that a client does, a step at a time."""
    yield "greeting", client.greeting
    yield "hello", client.hello()
    yield "authenticate", client.authenticate(Plain("me", "secret"))
    yield "send", client.send("me@example.org", ["you@example.net", "them@example.net"], b"a\r\n.\r\n")
    yield "noop", client.noop()
    yield "quit", client.quit()


def believe(lie: Any, segments: Segments) -> tuple[Any, ...]:
    """What became of each step, what the server has heard, and what it has said."""
    net = CuttingNetwork(ScriptedServer(OFFERS[lie.offers], **lie.answers), to_client=segments)
    client = net.client(allow_insecure_auth=True)
    came = []
    for name, step in session(client):
        outcome = Outcome(step)
        net.flush()
        if not outcome.fired:
            net.advance(3600)  # for which nobody waits
        assert len(outcome.results) == 1
        came.append((name, repr(outcome.error or outcome.results[0])))
    net.hang_up()
    return came, net.servers[0].lines, net.said


def agree(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether both came to the same, or did until one has noticed a reply too many, and sent no more."""
    pairs = [pair for pair in zip(one[0], other[0], strict=True) if pair[0] != pair[1]]
    noticed = not pairs or any(what.startswith("ProtocolError(") for _, what in pairs[0])
    return noticed and all(ours == theirs for ours, theirs in zip(one[1], other[1], strict=False))


def first_failure(came: list[tuple[str, str]]) -> str | None:
    """The step that failed first, and the name of the exception."""
    failures = ("Error(", "NotOffered(", "MessageTooBig(")
    failed = (f"{name} {what.partition('(')[0]}" for name, what in came if any(each in what for each in failures))
    return next(failed, None)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_lie(lie):
    expected = came, _, said = believe(lie, whole)
    assert first_failure(came) == lie.fails
    for segments in cuts.singly(said):
        assert believe(lie, segments) == expected


@pytest.mark.parametrize("offers", OFFERS)
def test_replies_nobody_asked_for(offers):
    for lie in injections():
        if lie.offers == offers:
            expected = came, heard, said = believe(lie, whole)
            unfinished = lie.name.endswith(("NOOP b'2'", "NOOP b'\\x00'"))  # whose rest may come yet
            assert "QUIT" not in heard or unfinished, (lie.name, came)
            for segments in cuts.few(said, 10):
                assert agree(believe(lie, segments), expected), lie.name


@pytest.mark.parametrize("injected", [*INJECTED, b"250-extra\r\n"], ids=repr)
def test_what_comes_in_the_clear_with_the_answer_to_starttls(injected, pem):
    answer = b"220 2.0.0 go\r\n" + injected
    for cut in range(1, len(answer)):
        server = ScriptedServer(["STARTTLS"], tls=None, STARTTLS=answer)
        before = len(b"220 scripted.example\r\n250-scripted.example\r\n250 STARTTLS\r\n")
        net = CuttingNetwork(server, to_client=cuts.cut_at(before + cut))
        client = net.greeted()
        outcome = Outcome(client.start_tls(pem.client_options()))
        net.flush()
        if not outcome.fired:
            net.advance(3600)  # what is no record of TLS may be the beginning of one
        assert outcome.error is not None
        assert client.tls is None
        assert server.verbs[:2] == ["EHLO", "STARTTLS"]
        assert "EHLO" not in server.verbs[2:]  # a line of TLS at most, not of ours
        assert not client.usable
        net.hang_up()
