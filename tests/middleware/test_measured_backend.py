"""The calls of a backend, as an observer gets them: each once, with its time and its outcomes, and in flight before."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from tests.backends.relays import Relay, scripted
from tests.middleware.measured import MAIL, Calls, Measured
from txsmtpx import (
    Filter,
    FilterBackend,
    MaildirBackend,
    MeasuredBackend,
    MemoryBackend,
    RecipientsRefused,
    Reply,
    RewriteBackend,
    SMTPError,
    TeeBackend,
)
from txsmtpx.interfaces import BackendCall
from txsmtpx.testing import Conversation, RecordingBackend


def test_a_message():
    it = Measured(MemoryBackend())
    assert it.calls.began == [("mine", stage) for stage in ("mail", "recipient", "recipient", "data")]
    assert it.calls.in_flight == 1
    it.clock.advance(5)
    it.client.ask("hello", ".")
    taken = ("taken",)
    assert it.calls.ended == [
        BackendCall("mine", "mail", taken, 0), BackendCall("mine", "recipient", taken, 0),
        BackendCall("mine", "recipient", taken, 0), BackendCall("mine", "data", ["taken", "taken"], 0),
    ]  # fmt: skip
    it.client.hang_up()
    assert it.calls.in_flight == 0


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (None, "taken"), (Reply(250, None, "Ok"), "taken"), (SMTPError(450, (4, 2, 0), "Later"), "deferred"),
        (Reply(451, None, "Later"), "deferred"), (SMTPError(550, (5, 1, 1), "No"), "refused"),
        (ZeroDivisionError(), "failed"), (7, "failed"), (Reply(354, None, "More"), "failed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stage", ["mail", "recipient", "data"])
@pytest.mark.parametrize("later", [False, True])
def test_outcomes(given, outcome, stage, later, logged_failures):
    clock, calls, answer = Clock(), Calls(), Deferred()
    method = {"recipient": "rcpt"}.get(stage, stage)
    backend = RecordingBackend(**{method: answer if later else given})
    client = Conversation(MeasuredBackend(backend, "mine", calls, reactor=clock), clock=clock)
    client.ask("EHLO a", *MAIL[:2])
    if stage == "data":
        client.ask("DATA", "x", ".")
    if later:
        assert calls.in_flight == 1
        clock.advance(3)
        answer.errback(given) if isinstance(given, Exception) else answer.callback(given)
    assert calls.in_flight == 0
    (call,) = (each for each in calls.ended if each.stage == stage)
    assert (tuple(call.outcomes), call.seconds) == ((outcome,), 3 * later)
    client.hang_up()
    logged_failures.flush()


@pytest.mark.parametrize("stage", ["mail", "recipient", "data"])
def test_a_client_that_has_gone(stage):
    method = {"recipient": "rcpt"}.get(stage, stage)
    clock, calls = Clock(), Calls()
    backend = MeasuredBackend(RecordingBackend(**{method: Deferred()}), "mine", calls, reactor=clock)
    client = Conversation(backend, clock=clock)
    client.ask("EHLO a", *MAIL[:2])
    if stage == "data":
        client.ask("DATA", "x", ".")
    assert calls.in_flight == 1
    client.hang_up()
    assert calls.in_flight == 0
    assert (calls.ended[-1].stage, tuple(calls.ended[-1].outcomes)) == (stage, ("cancelled",))


def test_a_client_that_leaves_within_the_message():
    it = Measured(MemoryBackend())
    it.client.send(b"half")
    it.client.hang_up()
    assert it.calls.of_data.outcomes == ["cancelled", "cancelled"]
    assert it.calls.in_flight == 0


def test_a_filter_is_not_measured():
    wait = Deferred()

    class Slow(Filter):
        async def end(self, message):
            await wait

    clock = Clock()
    it = Measured(MemoryBackend(), lambda backend: FilterBackend(backend, Slow, hold=True, reactor=clock))
    it.client.ask("x", ".")
    it.clock.advance(30)
    wait.callback(None)
    assert it.calls.of_data == BackendCall("mine", "data", ["taken", "taken"], 0)
    it.client.hang_up()


def test_the_copies_of_a_tee():
    calls, clock = Calls(), Clock()
    backend = TeeBackend(
        MeasuredBackend(MemoryBackend(), "first", calls, reactor=clock),
        MeasuredBackend(RecordingBackend(data=SMTPError(451, (4, 3, 0), "Later")), "second", calls, reactor=clock),
    )
    client = Conversation(RewriteBackend(backend, recipient={"b@localhost": "new@localhost"}), clock=clock)
    client.ask("EHLO a", *MAIL, "x", ".")
    client.hang_up()
    assert calls.in_flight == 0
    of_data = {each.backend: each.outcomes for each in calls.ended if each.stage == "data"}
    assert of_data == {"first": ["taken", "taken"], "second": ["deferred", "deferred"]}


def test_a_relay():
    """The refusals of the next server are those of the backend, at RCPT and for each recipient of the message."""
    calls = Calls()
    rcpt = ["250 2.1.5 Ok", "550 5.1.1 No", "451 4.2.0 Later"]
    there = scripted(lmtp=True, RCPT=rcpt, END=["452 4.2.2 Full"])
    relay = Relay(
        there, lmtp_here=True, lmtp_there=True,
        around=lambda backend: MeasuredBackend(backend, "lmtp", calls, reactor=Clock()),
    )  # fmt: skip
    with pytest.raises(RecipientsRefused):
        relay.send()
    relay.end()
    assert [(each.stage, *each.outcomes) for each in calls.ended] == [
        ("mail", "taken"), ("recipient", "taken"), ("recipient", "refused"), ("recipient", "deferred"),
        ("data", "deferred"),
    ]  # fmt: skip
    assert calls.in_flight == 0


def test_a_maildir(tmp_path):
    backend = MaildirBackend(str(tmp_path / "{local}"), maybeDeferred, lambda descriptor: None)
    it = Measured(backend, lmtp=True)
    (tmp_path / "c/new").mkdir(parents=True)
    (tmp_path / "c/tmp").touch()  # which is no directory
    assert [line[:3] for line in it.client.ask("x", ".")] == ["250", "451"]
    assert it.calls.of_data.outcomes == ["taken", "deferred"]
    it.client.hang_up()


def test_an_observer_that_fails_is_logged(logged_failures):
    class Broken:
        def call_began(self, backend, stage):
            raise ZeroDivisionError

        def call_ended(self, call):
            raise ZeroDivisionError

    client = Conversation(MeasuredBackend(MemoryBackend(), "mine", Broken(), reactor=Clock()))
    assert client.ask("EHLO a", *MAIL, "x", ".")[-1].startswith("250")
    client.hang_up()
    assert len(logged_failures.flush(ZeroDivisionError)) == 8


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((MemoryBackend(), "", Calls()), ValueError, "name must be the name of the backend in the metrics, not ''"),
        ((MemoryBackend(), 7, Calls()), TypeError, "MeasuredBackend: name must be text, not 7"),
        ((MemoryBackend(), "mine", object()), TypeError, "MeasuredBackend: observer must be a "),
        ((7, "mine", Calls()), TypeError, "MeasuredBackend: backend must be a Backend, not 7"),
    ],
)
def test_what_cannot_be_used(arguments, error, text):
    with pytest.raises(error, match=text):
        MeasuredBackend(*arguments)
