"""Filters in order at each stage, their verdicts, and what they have found."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher

from tests.middleware.scripted_filter import MESSAGE, Filtered, Script
from tests.wire.replies import codes
from txsmtpx import (
    Accept,
    AddRecipient,
    Connection,
    Discard,
    FilterBackend,
    MemoryBackend,
    Quarantine,
    Reply,
    SMTPError,
    SMTPServerFactory,
    TeeBackend,
    TransactionLog,
)
from txsmtpx.middleware.filter_chain import MOST
from txsmtpx.testing import Conversation, Link, RecordingBackend

NO = Reply(550, (5, 7, 1), "We do not want that")


async def coroutine_no():
    return NO


NOES = [NO, lambda: succeed(NO), lambda: coroutine_no(), SMTPError.from_reply(NO)]


@dataclass(frozen=True)
class Found:
    what: str

    def facts(self):
        return {"found": self.what}


class Results(RecordingBackend):
    """Keeps what each message comes with."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.outcomes["data"] = lambda message, context: self.found.append(context.results)


def found_in(results):
    return [each.what for each in results.all(Found)]


@pytest.mark.parametrize("no", NOES)
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_refusal_at_connect_comes_before_the_greeting(no, lmtp):
    first, second, backend = Script(connected=no), Script(), RecordingBackend()
    filtered = Filtered(backend, first, second, lmtp=lmtp)
    assert filtered.client.replies() == ["554 5.7.1 We do not want that"]
    assert filtered.client.closed
    filtered.client.hang_up()
    assert (first.only.stages, second.made, backend.calls) == (["connected", "close"], [], [])


@pytest.mark.parametrize("no", NOES)
def test_a_rejected_hello(no):
    filtered = Filtered(RecordingBackend(), Script(hello=no), second := Script())
    assert filtered.client.ask("EHLO a.example")[1:] == ["550 5.7.1 We do not want that"]
    assert codes(filtered.client.ask("MAIL FROM:<a@b.example>")) == ["503"]
    filtered.client.hang_up()
    assert second.only.stages == ["connected", "close"]


@pytest.mark.parametrize("no", NOES)
def test_a_rejected_sender(no):
    script = Script(mail=no)
    filtered = Filtered(backend := RecordingBackend(), script, second := Script())
    filtered.client.ask("EHLO a")
    assert filtered.client.ask("MAIL FROM:<a@b.example>") == ["550 5.7.1 We do not want that"]
    assert script.only.stages == ["connected", "hello", "mail", "reset"]
    assert second.only.stages == ["connected", "hello"]
    script.answers["mail"] = None
    assert codes(filtered.client.ask("MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>")) == ["250", "250"]
    filtered.client.hang_up()
    assert script.only.stages[-3:] == ["recipient", "reset", "close"]
    assert backend.methods.count("mail") == 1


@pytest.mark.parametrize("no", NOES)
@pytest.mark.parametrize("lmtp", [False, True])
def test_one_recipient_is_rejected(no, lmtp):
    def answer(self, address):
        if address == "b@localhost":
            if isinstance(no, SMTPError):
                raise SMTPError.from_reply(NO)
            return no() if callable(no) else no
        return None

    filtered = Filtered(memory := MemoryBackend(), Script(recipient=answer, takes_filter=True), lmtp=lmtp)
    said = filtered.begin()
    assert codes(said) == ["250", "550", "250", "354"]
    filtered.client.send(MESSAGE + b".\r\n")
    assert codes(filtered.client.replies()) == ["250"]
    assert [each.recipients for each in memory.messages] == [("c@localhost",)]
    filtered.client.hang_up()


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("stage", ["data", "header", "end"])
@pytest.mark.parametrize("no", NOES)
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_rejected_message(hold, stage, no, lmtp):
    filtered = Filtered(memory := MemoryBackend(), Script(**{stage: no}), second := Script(), hold=hold, lmtp=lmtp)
    said = filtered.send()
    names = ["<b@localhost> ", "<c@localhost> "] if lmtp else [""]
    assert said == [f"550 5.7.1 {name}We do not want that" for name in names]
    assert memory.messages == []
    assert second.only.stages[-1] == "reset"
    filtered.client.hang_up()


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("stage", ["connected", "hello", "mail", "data", "header", "end"])
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_discarded_message(hold, stage, lmtp):
    filtered = Filtered(
        memory := MemoryBackend(), Script(**{stage: Discard()}), second := Script(), hold=hold, lmtp=lmtp
    )
    for _ in range(2):
        assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    assert memory.messages == []
    filtered.client.hang_up()
    assert second.made == [] or second.only.stages[-1] == "close"


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("stage", ["data", "header", "end"])
def test_a_message_that_is_discarded_with_a_reply(hold, stage):
    filtered = Filtered(memory := MemoryBackend(), Script(**{stage: Reply(250, (2, 0, 0), "Thank you")}), hold=hold)
    assert filtered.send() == ["250 2.0.0 Thank you"]
    assert memory.messages == []
    filtered.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("discarded", [["b@localhost"], ["c@localhost"], ["b@localhost", "c@localhost"]])
def test_a_discarded_recipient(discarded, lmtp):
    script = Script(recipient=lambda self, address: Discard() if address in discarded else None, takes_filter=True)
    filtered = Filtered(recording := RecordingBackend(), script, lmtp=lmtp)
    assert codes(filtered.send()) == ["250"] * (1 + lmtp)
    left = tuple(each for each in ("b@localhost", "c@localhost") if each not in discarded)
    assert [each[1] for each in recording.calls if each[0] == "rcpt"] == list(left)
    assert [each.recipients for each in recording.messages] == ([left] if left else [])
    filtered.client.hang_up()


@pytest.mark.parametrize("stage", ["connected", "hello", "mail", "recipient", "data", "header"])
def test_a_final_verdict(stage):
    script = Script(**{stage: Accept(final=True)})
    filtered = Filtered(MemoryBackend(), script)
    filtered.send()
    once = ["connected", "hello", "mail", "recipient", "recipient", "data", "header", "end"]
    end = once.index(stage) + 1
    expected = once[:end]
    if end > 2:
        expected.append("reset")
    assert script.only.stages == expected
    filtered.send()
    if end > 2:  # the next transaction begins anew
        expected += expected[1:]
    assert script.only.stages == expected
    filtered.client.hang_up()


def test_results_are_for_those_behind():
    seen = []
    first = Script(connected=Accept(results=[Found("c")]), hello=Accept(results=[Found("h")]),
                   mail=Accept(results=[Found("m")]), header=Accept(results=[Found("x")]))  # fmt: skip
    second = Script(
        takes_filter=True,
        **{
            stage: lambda self, *args, stage=stage: seen.append((stage, found_in(self.connection.results)))
            for stage in ("connected", "hello", "mail", "header", "end")
        },
    )
    filtered = Filtered(backend := Results(), first, second, hold=True)
    filtered.send()
    assert seen == [
        ("connected", ["c"]), ("hello", ["c", "h"]), ("mail", ["c", "h", "m"]), ("header", ["c", "h", "m", "x"]),
        ("end", ["c", "h", "m", "x"]),
    ]  # fmt: skip
    connection = filtered.client.protocol.dialog.connection
    assert found_in(connection.results) == ["c", "h"]  # the transaction has ended
    first.answers = {"mail": Accept(results=[Found("m2")]), "hello": Accept(results=[Found("h2")])}
    filtered.send()
    assert [found_in(each) for each in backend.found] == [["c", "h", "m", "x"], ["c", "h2", "m2"]]
    filtered.client.hang_up()


def test_a_client_that_greets_again_and_again_adds_nothing():
    filtered = Filtered(RecordingBackend(), Script(hello=Accept([("X", "y")], results=[Found("h")])))
    for _ in range(50):
        filtered.client.ask("EHLO a")
    assert len(filtered.client.protocol.dialog.connection.results) == 1
    (chain,) = filtered.filtering._chains.values()
    assert len(chain.changes) == 1
    filtered.client.hang_up()


def test_results_of_filters_around_filters():
    outer, inner = Script(mail=Accept(results=[Found("o")])), Script(end=Accept(results=[Found("i")]))
    clock = Clock()
    backend = FilterBackend(FilterBackend(results := Results(), inner, hold=True, reactor=clock), outer, reactor=clock)
    client = Conversation(backend, clock=clock)
    client.ask("EHLO a")
    for _ in range(2):
        client.ask("MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>", "DATA", "x", ".")
    client.hang_up()
    assert [found_in(each) for each in results.found] == [["o", "i"]] * 2
    for script in (outer, inner):
        assert script.only.stages == [
            "connected", "hello", *["mail", "recipient", "data", "header", "end", "reset"] * 2, "close",
        ]  # fmt: skip


def test_filters_of_copies():
    """The server does not know the backend of the copies, so its filters are asked about the client at MAIL."""
    copied, kept = Script(mail=Accept(results=[Found("copy")])), Results()
    clock = Clock()
    copies = FilterBackend(copy := Results(), copied, reactor=clock)
    first = Script(mail=Accept(results=[Found("first")]))
    client = Conversation(FilterBackend(TeeBackend(kept, copies, required=True), first, reactor=clock), clock=clock)
    client.ask("EHLO a")
    for _ in range(2):
        assert codes(client.ask("MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>", "DATA", "x", "."))[-1] == "250"
    assert [found_in(each) for each in kept.found] == [["first"]] * 2
    assert [found_in(each) for each in copy.found] == [["first", "copy"]] * 2
    assert [each.stages for each in copied.made] == [
        ["connected", "hello", "mail", "recipient", "data", "header", "end", "reset", "close"],
    ] * 2  # fmt: skip
    client.hang_up()
    assert len(client.protocol.dialog.connection.results) == 0


@pytest.mark.parametrize("stage", ["connected", "hello"])
def test_a_client_that_is_refused_where_the_server_does_not_ask(stage):
    script = Script(**{stage: NO})
    copies = FilterBackend(copy := RecordingBackend(), script, reactor=Clock())
    client = Conversation(TeeBackend(RecordingBackend(), copies, required=True))
    client.ask("EHLO a")
    assert codes(client.ask("MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>", "DATA", "x", "."))[-1] == "550"
    client.hang_up()
    assert "data" not in copy.methods
    assert script.only.stages[-1] == "close"


def test_the_line_of_a_message_names_the_filter_and_the_results():
    facts = []

    class Facts(TransactionLog):
        def concluded(self, summary):
            facts.append({name: value for name, value in summary.facts.items() if name not in ("kept", "id")})

    script = Script(mail=Accept(results=[Found("m")]), end=Accept(changes=[Quarantine("odd")]))
    filtered = Filtered(MemoryBackend(), script, observers=[Facts()])
    filtered.send()
    script.answers["end"] = NO
    filtered.send()
    script.answers["end"] = Discard()
    filtered.send()
    filtered.client.hang_up()
    assert facts == [
        {"found": "m", "quarantine": "odd"},
        {"found": "m", "filter": "Script", "stage": "end", "verdict": "reject"},
        {"found": "m", "filter": "Script", "stage": "end", "verdict": "discard"},
    ]


def test_a_result_whose_facts_fail(logged_failures):
    class Bad:
        def facts(self):
            raise ZeroDivisionError

    filtered = Filtered(memory := MemoryBackend(), Script(mail=Accept(results=[Bad(), Found("m")])))
    assert codes(filtered.send()) == ["250"]
    assert memory.messages[0].facts == {"found": "m"}
    assert len(logged_failures.flush(ZeroDivisionError)) >= 1
    filtered.client.hang_up()


def test_decisions_before_a_message_are_in_the_log():
    events = []
    globalLogPublisher.addObserver(events.append)
    filtered = Filtered(RecordingBackend(), Script(mail=NO))
    filtered.client.ask("EHLO a")
    for _ in range(MOST + 5):
        filtered.client.ask("MAIL FROM:<a@b.example>")
    filtered.client.hang_up()
    globalLogPublisher.removeObserver(events.append)
    session = filtered.client.protocol.dialog.connection.session_id
    line = f"session={session} queue=- filter Script decided at mail: 550 5.7.1 We do not want that"
    assert [formatEvent(each) for each in events].count(line) == MOST


def test_changes_before_the_message_are_made_to_it():
    script = Script(
        connected=Accept([("X-C", "1")]), hello=Accept([("X-H", "1")]), mail=Accept([("X-M", "1")]),
        recipient=Accept([("X-R", "1")], [AddRecipient("d@localhost")]),
    )  # fmt: skip
    filtered = Filtered(memory := MemoryBackend(), script)
    filtered.send()
    script.answers = {}
    filtered.client.ask("RSET")
    filtered.client.ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")
    filtered.client.send(MESSAGE + b".\r\n")
    filtered.client.hang_up()
    assert [each.content.removesuffix(MESSAGE) for each in memory.messages] == [
        b"X-R: 1\r\nX-R: 1\r\nX-M: 1\r\nX-H: 1\r\nX-C: 1\r\n",
        b"X-H: 1\r\nX-C: 1\r\n",
    ]
    assert memory.messages[0].recipients == ("b@localhost", "c@localhost", "d@localhost")
    assert memory.messages[1].recipients == ("b@localhost",)


def test_a_connection_without_filters_keeps_nothing():
    filtered = Filtered(memory := MemoryBackend())
    assert codes(filtered.send()) == ["250"]
    filtered.client.hang_up()
    assert [each.content for each in memory.messages] == [MESSAGE]
    assert isinstance(filtered.client.protocol.dialog.connection, Connection)


def test_a_client_that_xclient_names_has_filters_of_its_own():
    """The filters of the proxy are closed, and the results are those of the client."""
    script = Script(
        takes_filter=True,
        connected=lambda self: Accept([("X", "y")], results=[Found(self.connection.peer_host)]),
        mail=lambda self, sender: None,
    )
    clock = Clock()
    backend = FilterBackend(results := Results(), script, reactor=clock)
    client = Link.to(backend, clock=clock, trusted_networks=["192.0.2.0/24"])
    client.ask("EHLO a")
    assert codes(client.ask("XCLIENT ADDR=198.51.100.7")) == ["220"]
    assert [each.stages for each in script.made] == [["connected", "hello", "close"], ["connected"]]
    client.ask("EHLO a", "MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>", "DATA", "x", ".")
    assert [found_in(each) for each in results.found] == [["198.51.100.7"]]
    client.hang_up()
    assert script.made[1].stages[-2:] == ["reset", "close"]
    assert backend._chains == {}


def test_filters_after_starttls(certificate, pem):
    """The same filters, which see the new EHLO, and the TLS."""
    seen = []
    script = Script(takes_filter=True, hello=lambda self, name: seen.append((name, self.connection.tls is not None)))
    clock = Clock()
    backend = FilterBackend(RecordingBackend(), script, reactor=clock)
    link = Link(SMTPServerFactory(backend, reactor=clock, tls=certificate).buildProtocol(None), clock)
    link.ask("EHLO a")
    link.ask("STARTTLS")
    link.start_tls(pem.client_options())
    link.ask("EHLO b")
    link.hang_up()
    assert seen == [("a", False), ("b", True)]
    assert script.only.stages == ["connected", "hello", "hello", "close"]


def test_a_hello_within_a_transaction():
    script = Script()
    filtered = Filtered(RecordingBackend(), script)
    filtered.client.ask("EHLO a", "MAIL FROM:<a@b.example>", "EHLO b")
    assert script.only.stages == ["connected", "hello", "mail", "hello", "reset"]
    script.answers["hello"] = NO
    filtered.client.ask("MAIL FROM:<a@b.example>", "EHLO c")
    assert script.only.stages[5:] == ["mail", "hello"]  # the transaction goes on
    assert codes(filtered.client.ask("RCPT TO:<b@localhost>")) == ["250"]
    filtered.client.hang_up()


@pytest.mark.parametrize("failure", [ZeroDivisionError(), lambda: fail(ZeroDivisionError())])
def test_a_backend_that_fails_to_reset_leaves_nothing_of_one_message_to_the_next(failure, logged_failures):
    def mail(filter, sender):
        return Accept([("X-Sender", sender)]) if sender.startswith("a") else None

    backend, script = RecordingBackend(), Script(takes_filter=True, mail=mail)
    backend.outcomes["reset"] = failure
    filtered = Filtered(backend, script)
    filtered.send()
    filtered.client.ask("MAIL FROM:<e@client.example>", "RCPT TO:<b@localhost>", "DATA")
    filtered.client.send(MESSAGE + b".\r\n")
    first, second = backend.messages
    assert (first.content, second.content) == (b"X-Sender: a@client.example\r\n" + MESSAGE, MESSAGE)
    assert script.only.stages.count("reset") == 2
    assert len(logged_failures.flush(ZeroDivisionError)) == 2


def test_what_is_found_at_a_hello_within_a_transaction_is_there_afterwards():
    backend = Results()
    script = Script(takes_filter=True, hello=lambda filter, name: Accept(results=[Found(name)]))
    filtered = Filtered(backend, script)
    filtered.client.ask("EHLO one", "MAIL FROM:<a@client.example>", "EHLO two")
    filtered.client.ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")
    filtered.client.send(MESSAGE + b".\r\n")
    filtered.client.ask("EHLO three", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")
    filtered.client.send(MESSAGE + b".\r\n")
    assert [found_in(each) for each in backend.found] == [["two"], ["three"]]


@pytest.mark.parametrize("within", [(), ("MAIL FROM:<a@client.example>",)])
def test_a_rejected_hello_changes_nothing_of_the_one_before(within):
    """The client keeps its name, so it keeps what filters have said about that name."""

    def hello(filter, name):
        return Accept([("X-Name", name)], results=[Found(name)]) if name == "one" else NO

    backend = Results()
    filtered = Filtered(backend, script := Script(takes_filter=True, hello=hello))
    filtered.client.ask("EHLO one", *within, "EHLO two", "RSET")
    filtered.client.ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")
    filtered.client.send(MESSAGE + b".\r\n")
    assert [found_in(each) for each in backend.found] == [["one"]]
    assert script.only.message == b"X-Name: one\r\n" + MESSAGE
