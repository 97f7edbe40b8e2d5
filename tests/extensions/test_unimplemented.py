"""Commands of RFCs that the server does not implement: 502, not 500 (RFC 5321 §4.2.4), whatever the state."""

from __future__ import annotations

import pytest

from txsmtpx.extensions.registry import EXTENSIONS, KNOWN
from txsmtpx.extensions.unimplemented import UNIMPLEMENTED
from txsmtpx.testing import Conversation

HELLO = ("EHLO client.example", "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>")


@pytest.mark.parametrize("verb", ["ETRN", "ATRN", "BURL", "TURN"])
@pytest.mark.parametrize("before", range(len(HELLO) + 1))
def test_they_are_known_and_not_implemented(verb: str, before: int) -> None:
    talk = Conversation()
    talk.replies()
    talk.ask(*HELLO[:before])
    assert talk.ask(f"{verb} example.com") == ["502 5.5.1 Command not offered here"]
    talk.hang_up()


def test_they_are_known_and_not_offered() -> None:
    assert UNIMPLEMENTED in KNOWN
    assert UNIMPLEMENTED not in EXTENSIONS
    talk = Conversation()
    assert not any(verb.name in " ".join(talk.ask("HELP")) for verb in UNIMPLEMENTED.verbs)
    talk.hang_up()


def test_each_of_them_may_be_implemented_by_an_extension_of_ones_own() -> None:
    """No extension of the package has a command of that name."""
    taken = {verb.name for extension in EXTENSIONS for verb in extension.verbs}
    assert taken.isdisjoint(verb.name for verb in UNIMPLEMENTED.verbs)
