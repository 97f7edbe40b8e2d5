"""RFC 2034: an enhanced code on each line of a 2xx, 4xx or 5xx, but for the greeting and the hello."""

from __future__ import annotations

import re

from txsmtpx.extensions.enhancedstatuscodes import ENHANCEDSTATUSCODES
from txsmtpx.testing import Conversation

LINES = (
    "NOOP", "WHAT", "HELP", "VRFY me", "RCPT TO:<you@example.com>", "MAIL FROM:", "MAIL FROM:<me@example.com> X=1",
    "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>", "RSET", "BDAT 0", "AUTH PLAIN", "DATA now",
)  # fmt: skip


def test_it_is_announced_by_its_keyword_alone():
    talk = Conversation(extensions=[ENHANCEDSTATUSCODES])
    assert talk.ask("EHLO client.example")[-1] == "250 ENHANCEDSTATUSCODES"
    talk.hang_up()


def test_each_line_of_a_reply_has_one_of_its_class():
    """Guarantee 2."""
    talk = Conversation(max_errors=0)
    talk.ask("EHLO client.example")
    for line in LINES:
        said = talk.ask(line)
        assert said
        for each in said:
            code, enhanced = re.match(r"(\d)\d\d[ -](\d)\.\d{1,3}\.\d{1,3} ", each).groups()
            assert code == enhanced, (line, each)
    talk.hang_up()


def test_the_greeting_the_hellos_and_3xx_have_none():
    for hello in ("EHLO client.example", "HELO client.example"):
        talk = Conversation()
        for line in [*talk.replies(), *talk.ask(hello)]:
            assert not re.match(r"\d{3}[ -]\d\.\d\.\d", line), line
        talk.ask("MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>")
        assert talk.ask("DATA") == ["354 End data with <CR><LF>.<CR><LF>"]
        talk.hang_up()


def test_they_are_there_also_where_it_is_not_announced():
    """The codes do no harm to a client that does not know them."""
    talk = Conversation(extensions=[])
    talk.ask("HELO client.example")
    assert talk.ask("NOOP") == ["250 2.0.0 Ok"]
    talk.hang_up()
