"""VRFY and EXPN with SMTPUTF8 (RFC 6531 §3.7.4.2), from our client to our server; C{verify_utf8.txt} has the server."""

from __future__ import annotations

import pytest

from tests.extensions.ends import Ends
from txsmtpx import NotOffered
from txsmtpx.testing import RecordingBackend


@pytest.mark.parametrize("method", ["verify", "expand"])
def test_the_answer_may_be_in_utf8(method: str) -> None:
    ends = Ends(RecordingBackend(**{method: "Jürgen <jürgen@example.com>"}))
    reply = ends.come(getattr(ends.client, method)("jürgen"))
    assert (reply.code, reply.text) == (250, "Jürgen <jürgen@example.com>")
    assert ends.backend.calls[-1] == (method, "jürgen")
    ends.over()


@pytest.mark.parametrize("method", ["verify", "expand"])
def test_not_offered(method: str) -> None:
    ends = Ends(RecordingBackend(**{method: "You <you@example.com>"}), extensions=[])
    with pytest.raises(NotOffered, match="does not offer SMTPUTF8, which jürgen needs"):
        ends.come(getattr(ends.client, method)("jürgen"))
    assert ends.come(getattr(ends.client, method)("you")).text == "You <you@example.com>"
    assert ends.said[-1].split()[1:] == ["you"]
    ends.over()
