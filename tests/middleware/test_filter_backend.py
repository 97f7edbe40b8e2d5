"""A filter sees the header, the octets and the end, and what it says is done."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from txsmtpx import (
    Accept,
    ConfiguredFilter,
    Filter,
    FilterBackend,
    MemoryBackend,
    OpenBackend,
    Reply,
    Session,
    SMTPError,
)
from txsmtpx.filters.greylist import Greylist
from txsmtpx.interfaces import IFilter
from txsmtpx.middleware import filtered_message as module
from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.testing import Conversation, RecordingBackend, cut_at, one_by_one, whole

MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "DATA")
MESSAGE = b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nTo: b@localhost\r\n\r\nbody\r\n"
NO = Reply(550, (5, 7, 1), "We do not want that")


class Noting(Filter):
    """Notes what it sees, and says what it was told to."""

    def __init__(self, connection, verdicts):
        super().__init__(connection)
        self.seen = []
        self.octets = b""
        self.verdicts = verdicts

    def header(self, header):
        self.seen.append("header")
        self.fields = dict(header.items())
        self.envelope = (self.context.sender, self.context.recipients)
        return self.said("header")

    def chunk(self, octets):
        self.octets += octets
        return self.verdicts.get("chunk")

    def end(self, size):
        self.seen.append("end")
        self.size = size
        return self.said("end")

    def said(self, at):
        verdict = self.verdicts.get(at)
        if isinstance(verdict, SMTPError):
            raise verdict
        return verdict() if callable(verdict) else verdict

    def reset(self):
        self.seen.append("reset")

    def close(self):
        self.seen.append("close")


class Filtered:
    """A conversation with a backend behind filters."""

    def __init__(self, backend=None, hold=False, lmtp=False, **verdicts):
        self.backend = MemoryBackend() if backend is None else backend
        self.filters = []
        self.verdicts = verdicts
        self.client = Conversation(FilterBackend(self.backend, self.make, hold=hold), lmtp=lmtp)
        self.client.ask("LHLO a" if lmtp else "EHLO a", *MAIL)

    def make(self, connection):
        self.filters.append(Noting(connection, self.verdicts))
        return self.filters[-1]

    def send(self, message=MESSAGE, segments=whole):
        for segment in segments(message + b".\r\n", 0):
            self.client.send(segment)
        return self.client.replies()


holding = pytest.mark.parametrize("hold", [False, True])


@holding
@pytest.mark.parametrize("segments", [whole, one_by_one, *map(cut_at, range(1, len(MESSAGE)))])
def test_what_it_sees(hold, segments):
    filtered = Filtered(hold=hold)
    assert filtered.send(segments=segments)[-1].startswith("250")
    (seen,) = filtered.filters
    assert seen.seen == ["header", "end", "reset"]
    assert seen.fields == {"Subject": "grüße", "To": "b@localhost"}
    assert (seen.octets, seen.size) == (MESSAGE, len(MESSAGE))
    assert seen.envelope == ("a@client.example", ("b@localhost", "c@localhost"))
    assert seen.context is None
    assert [each.content for each in filtered.backend.messages] == [MESSAGE]
    filtered.client.hang_up()
    assert seen.seen == ["header", "end", "reset", "close"]


@holding
@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (b"", {}),
        (b"\r\nno header\r\n", {}),
        (b"Subject: no body\r\n", {"Subject": "no body"}),
        (b"Subject: long\r\n" + b"X-Long: " + b"x" * 900 + b"\r\n\r\n", {"Subject": "long", "X-Long": "x" * 900}),
    ],
)
@pytest.mark.parametrize("segments", [whole, one_by_one])
def test_odd_messages(hold, message, fields, segments):
    filtered = Filtered(hold=hold)
    assert filtered.send(message, segments)[-1].startswith("250")
    assert filtered.filters[0].fields == fields
    assert [each.content for each in filtered.backend.messages] == [message]
    filtered.client.hang_up()


FAULTS = [
    b"Message-ID: <[abc@exchange.example]>",
    b'To: "unbalanced <a@b.example>',
    b"From: Ann (a <a@b.example>",
    b"Content-Type: text/plain; charset",
    b"X-Trace : a",
    b"Subject: =?x-nobody?q?a?= =?utf-8?q?",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_common_faults_are_no_reason_to_refuse(fault):
    """These raised when the filter read the field, and the mail was answered 451 until it bounced."""
    filtered = Filtered()
    assert filtered.send(fault + b"\r\nX-Last: found\r\n\r\nbody\r\n")[-1].startswith("250")
    assert filtered.filters[0].fields["X-Last"] == "found"
    assert len(filtered.filters[0].fields) == 2
    filtered.client.hang_up()


def test_a_header_without_end(monkeypatch):
    monkeypatch.setattr(module, "HEADER", 1000)
    filtered = Filtered()
    line = b"X: " + b"x" * 95 + b"\r\n"
    filtered.client.send(line * 9)
    assert filtered.filters[0].seen == []
    filtered.client.send(line * 2)
    assert filtered.filters[0].seen == ["header"]
    assert filtered.send(b"")[-1].startswith("250")
    assert filtered.filters[0].octets == line * 11
    filtered.client.hang_up()


@holding
@pytest.mark.parametrize("at", ["header", "end"])
@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("verdict", [NO, lambda: succeed(NO), SMTPError.from_reply(NO)])
def test_a_no(hold, at, lmtp, verdict):
    filtered = Filtered(hold=hold, lmtp=lmtp, **{at: verdict})
    said = filtered.send()
    for_whom = ["<b@localhost> ", "<c@localhost> "] if lmtp else [""]
    assert said == [f"550 5.7.1 {name}We do not want that" for name in for_whom]
    assert filtered.backend.messages == []
    assert filtered.client.ask("NOOP")[0].startswith("250")
    filtered.client.hang_up()


@holding
@pytest.mark.parametrize("at", ["header", "end"])
def test_thrown_away(hold, at):
    """A yes of the filter's own: the client hears it, the backend has no message."""
    filtered = Filtered(hold=hold, **{at: Reply(250, (2, 0, 0), "Thank you")})
    assert filtered.send() == ["250 2.0.0 Thank you"]
    assert filtered.backend.messages == []
    filtered.client.hang_up()


@pytest.mark.parametrize(("hold", "at"), [(False, "header"), (True, "header"), (True, "end")])
def test_fields_are_added(hold, at):
    greeting = " ".join(["grüße"] * 20)
    filtered = Filtered(hold=hold, **{at: Accept([("X-Spam-Flag", "NO"), ("X-Who", greeting)])})
    assert filtered.send()[0].startswith("250")
    (message,) = filtered.backend.messages
    assert message.content.endswith(MESSAGE)
    added = message.content.removesuffix(MESSAGE)
    assert added.isascii()
    assert added.startswith(b"X-Spam-Flag: NO\r\nX-Who: =?utf-8?")
    assert max(map(len, added.split(b"\r\n"))) <= 78
    assert message.message["X-Who"] == greeting
    filtered.client.hang_up()


@pytest.mark.parametrize(
    ("verdicts", "error"),
    [
        ({"end": Accept([("X-Late", "yes")])}, TypeError),
        ({"header": "no"}, TypeError),
    ],
)
def test_what_cannot_be_done(verdicts, error, logged_failures):
    filtered = Filtered(**verdicts)
    assert filtered.send() == ["451 4.7.1 Service unavailable, try again later"]
    assert filtered.backend.messages == []
    assert len(logged_failures.flush(error)) == 1
    filtered.client.hang_up()


def test_a_filter_that_breaks(logged_failures):
    """Its failure is not the peer's business, and the backend has nothing."""
    backend = RecordingBackend()
    client = Conversation(FilterBackend(backend, lambda connection: 1 / 0))
    assert client.replies() == ["421 4.7.1 Service unavailable, try again later"]
    assert client.closed
    assert backend.methods == []
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    client.hang_up()


@holding
def test_a_slow_filter_slows_the_peer(hold):
    waiting = Deferred()
    filtered = Filtered(hold=hold, chunk=waiting)
    sent = 0
    filtered.client.send(b"Subject: x\r\n\r\n")
    while filtered.client.transport.producerState == "producing" and sent < 20:
        filtered.client.send((b"x" * 998 + b"\r\n") * 50)
        sent += 1
    assert sent < 6
    filtered.verdicts["chunk"] = None
    waiting.callback(None)
    assert filtered.send(b"")[0].startswith("250")
    assert filtered.filters[0].size == sent * 50000 + 14
    filtered.client.hang_up()


def test_a_session_that_does_not_mind():
    """What the filter refuses is refused, even where the session swallows that, or has read nothing."""

    class Swallowing(Session):
        async def data(self, message, context):
            try:
                await message.content()
            except SMTPError:
                return "never mind"

    class Failing(Session):
        async def data(self, message, context):
            try:
                await message.content()
            except SMTPError as error:
                raise RuntimeError from error

    for session in (Swallowing, Failing, Session):
        filtered = Filtered(OpenBackend(lambda connection, session=session: session()), end=NO)
        assert filtered.send() == ["550 5.7.1 We do not want that"]
        filtered.client.hang_up()


def test_deliveries_that_read_when_data_is_over():
    recording = RecordingBackend()

    def data(message, context):
        context.start_delivery("b@localhost", recording.keep(message, context))
        context.start_delivery("c@localhost")
        context.set_status("c@localhost", "too")

    recording.outcomes["data"] = data
    filtered = Filtered(recording, lmtp=True, end=NO)
    assert [line[:3] for line in filtered.send()] == ["550", "250"]
    assert filtered.filters[0].seen == ["header", "end", "reset"]
    filtered.client.hang_up()


@holding
def test_a_lost_peer(hold):
    filtered = Filtered(hold=hold)
    filtered.client.send(b"Subject: x\r\n\r\nhalf")
    filtered.client.hang_up()
    assert filtered.filters[0].seen == ["header", "reset", "close"]
    assert filtered.backend.messages == []


def test_big_messages_are_held_in_a_file(monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    monkeypatch.setattr(module, "CHUNK", 100)
    filtered = Filtered(hold=True, end=Accept([("X", "y")]))
    body = MESSAGE + b"x" * 80 + b"\r\n"
    assert filtered.send(body * 30)[0].startswith("250")
    assert [each.content for each in filtered.backend.messages] == [b"X: y\r\n" + body * 30]
    filtered.client.hang_up()


def test_who_says_whether_it_is_held():
    class Maker:
        holds = True

        def __call__(self, connection):
            return Filter(connection)

    assert FilterBackend(RecordingBackend(), Maker()).hold
    assert not FilterBackend(RecordingBackend(), Maker(), hold=False).hold
    assert not FilterBackend(RecordingBackend(), Filter).hold
    assert verifyObject(IFilter, Filter(None))


def test_what_filters_keep_in_the_memory_of_a_process():
    """``--workers`` refuses it."""

    def made(shared):
        store = MemoryStore(reactor=Clock())
        store.shared = shared
        return Greylist(store)

    backends = [
        FilterBackend(RecordingBackend(), Filter),
        FilterBackend(RecordingBackend(), Filter, made(True)),
        FilterBackend(RecordingBackend(), Filter, ConfiguredFilter(made(False), "grey")),
        FilterBackend(MemoryBackend(), made(True)),
    ]
    assert [backend.one_process for backend in backends] == [False, False, True, True]
