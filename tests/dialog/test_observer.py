"""Those who watch a server: what they are told, once each, and that they are in nobody's way."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyClass

from tests.conversations import observed
from txsmtpx import IServerObserver, Observer, Session, SMTPError
from txsmtpx.dialog.observer import Observers
from txsmtpx.interfaces import Connection
from txsmtpx.testing import Conversation


class Diary(Observer):
    """Writes down all that it is told."""

    def __init__(self):
        self.told = []
        self.summaries = []

    def connected(self, connection):
        self.told.append("connected")

    def secured(self, connection):
        self.told.append(("secured", connection.tls))

    def commanded(self, connection, verb):
        assert isinstance(connection, Connection)
        self.told.append(verb)

    def replied(self, connection, reply):
        assert isinstance(connection, Connection)
        self.told.append(reply.code)

    def concluded(self, summary):
        self.told.append(summary.end)
        self.summaries.append(summary)

    def disconnected(self, connection, reason):
        self.told.append("disconnected")


@pytest.fixture
def diary():
    return Diary()


MAIL = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>")


def test_an_observer_is_one():
    assert verifyClass(IServerObserver, Observer)


def test_all_that_happens_in_order(diary):
    client = observed(diary)
    client.ask(*MAIL[:3], "DATA")
    client.send(b"Subject: hi\r\n\r\n..\r\n.\r\n")
    client.ask("NOOP", "QUIT")
    client.hang_up()
    assert diary.told == [
        "connected", 220, "EHLO", 250, "MAIL", 250, "RCPT", 250, "DATA", 354, 250, "answered", "NOOP", 250, "QUIT",
        221, "disconnected",
    ]  # fmt: skip


def test_lmtp_has_an_outcome_a_recipient(diary):
    class Picky(Session):
        def data(self, message, context):
            context.set_status("c@localhost", SMTPError(550, (5, 1, 1), "No"))

    client = observed(diary, Picky(), lmtp=True)
    client.ask("LHLO client.example", *MAIL[1:], "DATA", ".")
    client.hang_up()
    (summary,) = diary.summaries
    assert summary.reply is None
    assert [reply.code for reply in summary.replies] == [250, 550]
    assert diary.told[-4:] == [250, 550, "answered", "disconnected"]


def test_what_was_never_a_transaction(diary):
    client = observed(diary)
    client.ask("MAIL FROM:<a@client.example>", "EHLO client.example", "MAIL FROM:<nonsense", "RCPT TO:<b@localhost>")
    client.hang_up()
    assert diary.summaries == []


def test_a_message_too_big_is_answered(diary):
    client = observed(diary, max_message_bytes=5)
    client.ask(*MAIL, "DATA", "more than that", ".")
    (summary,) = diary.summaries
    assert (summary.reply.code, summary.octets) == (552, len("more than that\r\n"))
    client.hang_up()


def test_unknown_commands_have_no_name(diary):
    client = observed(diary)
    client.ask("EHLO client.example", "PWN", "\x00", "x" * 3000)
    client.hang_up()
    assert diary.told == ["connected", 220, "EHLO", 250, "", 500, "", 501, "", 500, "disconnected"]


def test_tls(diary):
    client = observed(diary)
    tls = object()
    client.protocol.dialog.tls_started(tls)
    client.hang_up()
    assert diary.told == ["connected", 220, ("secured", tls), "disconnected"]


def test_one_that_is_sent_away_has_connected_too(diary):
    client = observed(diary, max_connections=1)
    second = client.protocol.factory.buildProtocol(None)
    second.makeConnection(StringTransport())
    assert diary.told == ["connected", 220, "connected", 421]
    second.connectionLost(Failure(ConnectionDone()))
    client.hang_up()


class Broken(Observer):
    def __init__(self, error):
        self.error = error

    def replied(self, connection, reply):
        raise self.error

    concluded = commanded = connected = secured = disconnected = replied


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_an_observer_that_fails_is_logged_and_nothing_else(diary, error, logged_failures):
    client = Conversation(observers=[Broken(error), diary])
    client.ask(*MAIL, "DATA", ".", "QUIT")
    client.hang_up()
    assert diary.told[-5:] == [250, "answered", "QUIT", 221, "disconnected"]
    assert {failure.type for failure in logged_failures.flush(TypeError, type(error))} == {TypeError, type(error)}


def test_what_nobody_overrides_costs_nothing():
    class Counting(Observer):
        def concluded(self, summary):
            pass

    watching = Observers([Observer(), Counting()])
    assert watching.concluded is not None
    assert {watching.connected, watching.secured, watching.commanded, watching.replied, watching.disconnected} == {None}


def test_without_observers_nothing_is_gathered_for_a_summary():
    client = Conversation()
    client.ask(*MAIL)
    assert client.protocol.dialog.transaction.facts is None
    client.hang_up()
