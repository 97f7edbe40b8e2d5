"""A transaction stands in one state at a time, and what follows what is what `txsmtpx.dialog.state` says."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from tests.dialog.core import Core
from txsmtpx import Reply
from txsmtpx.dialog.message import MessageAborted
from txsmtpx.testing import RecordingBackend

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")


class Watched(Core):
    """A client whose message waits for its backend, and its transaction."""

    def __init__(self, *lines: str) -> None:
        self.data: Deferred[Reply | None] = Deferred()
        self.message = None
        super().__init__(RecordingBackend(data=self._take))
        self.ask(*HELLO)
        self.transaction = self.dialog.transaction
        self.ask(*lines)

    def _take(self, message, context):
        self.message = message
        return self.data

    @property
    def state(self) -> str:
        return self.transaction.state.name


STATES = {
    "ENVELOPE": (),
    "CONTENT": ("DATA", "half"),
    "DELIVERY": ("DATA", "whole", "."),
}


@pytest.mark.parametrize("state", STATES)
def test_what_leads_to_a_state(state):
    client = Watched(*STATES[state])
    assert client.state == state
    client.hang_up()
    assert client.state == "ABORTED"


def test_chunks_are_content_until_the_last():
    client = Watched()
    client.send(b"BDAT 1\r\nx")
    assert client.state == "CONTENT"
    client.send(b"BDAT 1 LAST\r\ny")
    assert client.state == "DELIVERY"
    client.hang_up()


@pytest.mark.parametrize("answer", [None, Reply(550, (5, 0, 0), "No")])
def test_an_answer_ends_it_and_does_not_abort_it(answer):
    client = Watched(*STATES["DELIVERY"])
    client.data.callback(answer)
    assert client.state == "ANSWERED"
    assert client.dialog.transaction is None
    assert not client.message.failed
    client.hang_up()
    assert client.state == "ANSWERED"


def test_reset_aborts_it():
    client = Watched()
    client.ask("RSET")
    assert client.state == "ABORTED"
    client.hang_up()


def test_it_is_aborted_once():
    client = Watched(*STATES["CONTENT"])
    reasons = []
    client.message.content().addErrback(lambda failure: reasons.append(failure.type))
    client.transaction.abort(Failure(ConnectionLost()))
    client.transaction.abort(MessageAborted())
    client.hang_up()
    assert reasons == [ConnectionLost]
