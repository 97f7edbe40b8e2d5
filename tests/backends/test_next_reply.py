"""What a relay's log says of a next server that cannot be used: which, why, in one line, whatever it has sent."""

from __future__ import annotations

import pytest
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from txsmtpx import RelayBackend, SMTPServerFactory
from txsmtpx.testing import HANG_UP, Network, Outcome, ScriptedServer

TO = ["one@example.net", "two@example.net"]
HOSTILE = b"554-5.7.1 a\x00b\x1b[31m\r\n554-5.7.1 c\rd \xc2\x85e \xe2\x80\xa8f\r\n554 5.7.1 session=FAKE\r\n"


class Named(Network):
    """A next server that has a name."""

    def __repr__(self):
        return "<next.example:25>"


@pytest.fixture
def warnings():
    """The warnings, as the log has them."""
    events = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: [formatEvent(event) for event in events if event["log_level"] >= LogLevel.warn]
    globalLogPublisher.removeObserver(events.append)


def relayed(there):
    backend = RelayBackend([there], domains=["example.net"], tls="none", reactor=there.clock)
    here = Network(SMTPServerFactory(backend, reactor=there.clock), clock=there.clock)
    here.pumps = there.pumps
    outcome = Outcome(here.greeted().send("me@example.org", TO, b"Subject: x\r\n\r\nx\r\n"))
    here.flush()
    return outcome


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"GREETING": "421 4.3.2 Busy"}, "rejects the connection: greeting: 421 4.3.2 Busy"),
        ({"GREETING": HANG_UP}, "cannot be reached: greeting: Connection was closed"),
        ({"EHLO": "550 5.7.1 Not you", "HELO": HANG_UP}, "rejects the connection: EHLO: 550 5.7.1 Not you"),
        ({"GREETING": b"220-x\r\n250 y\r\n"}, "cannot be reached: one reply has the codes 220 and 250"),
        ({"RCPT": HANG_UP}, "was lost: RCPT: Connection was closed"),
        ({"DATA": HANG_UP}, "was lost: DATA: Connection was closed"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_which_server_and_why(warnings, answers, why):
    outcome = relayed(Named(lambda: ScriptedServer(**answers)))
    assert outcome.error is not None
    assert any(f"the next server <next.example:25> {why}" in line for line in warnings())


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("code", [b"554", b"421", b"221", b"354", b"999"])
def test_nothing_that_it_sends_breaks_the_line(warnings, verb, code):
    hostile = HOSTILE.replace(b"554", code)
    relayed(Named(lambda: ScriptedServer(HELO=hostile, **{verb: hostile})))
    assert all(line.isprintable() for line in warnings())


def test_a_header_in_utf8_has_no_hint_that_a_relay_cannot_follow():
    """``eight_bit="send"`` does not help a relay whose client has asked for SMTPUTF8."""
    lines = []
    globalLogPublisher.addObserver(observer := lambda event: lines.append(formatEvent(event)))
    there = Named(lambda: ScriptedServer())
    backend = RelayBackend([there], domains=["example.net"], tls="none", eight_bit="send", reactor=there.clock)
    here = Network(SMTPServerFactory(backend, reactor=there.clock), clock=there.clock)
    here.pumps = there.pumps
    outcome = Outcome(here.greeted().send("me@example.org", TO, "Subject: \u00e4\r\n\r\nx\r\n".encode()))
    here.flush()
    globalLogPublisher.removeObserver(observer)
    assert outcome.error.code == 550
    (line,) = [each for each in lines if "cannot take that" in each]
    assert line.endswith("and a header field of the message holds UTF-8")
