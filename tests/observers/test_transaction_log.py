"""The line for a transaction: its fixed form, and that everything in it is true."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent, globalLogPublisher

from tests.conversations import observed, served_by
from tests.dialog.test_fields import read
from txsmtpx import Accept, Filter, FilterBackend, MemoryBackend, Observer, Reply, Session, SMTPError
from txsmtpx.dialog.refusals import MOST
from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.observers.transaction_log import TransactionLog
from txsmtpx.testing import Conversation

FORM = [
    "session", "queue", "listener", "end", "peer", "helo", "login", "tls", "from", "to", "recipients", "rejected",
    "delivered", "deferred", "refused", "octets", "seconds", "backend", "code", "reply",
]  # fmt: skip


class Logged(list):
    """The events of a server, as they come."""

    def watching(self, which="all"):
        return TransactionLog(which, logger=Logger("txsmtpx.test", observer=self.append))

    @property
    def fields(self):
        """Those of the only line."""
        (event,) = self
        return read(formatEvent(event))


@pytest.fixture
def logged():
    return Logged()


@pytest.fixture
def refusals():
    """What is logged of connections besides."""
    events = []

    def observe(event):
        if event["log_namespace"] == "txsmtpx.dialog.refusals":
            events.append(event)

    globalLogPublisher.addObserver(observe)
    yield events
    globalLogPublisher.removeObserver(observe)


HELLO = "EHLO client.example"
MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>")


class No(Session):
    """Refuses what comes from somebody."""

    def data(self, message, context):
        if context.sender:
            raise SMTPError(550, (5, 0, 0), "No")


def test_the_form(logged):
    clock = Clock()
    answer = Deferred()

    class Slow(Session):
        async def data(self, message, context):
            await message.content()
            await answer

    client = observed(logged.watching(), Slow(), clock=clock)
    client.ask(HELLO, *MAIL, "DATA")
    clock.advance(1.5)
    client.send(b"body\r\n.\r\n")
    clock.advance(0.25)
    answer.callback(None)
    (said,) = [line for line in client.replies() if "queued" in line]
    (event,) = logged
    queue = said.rpartition(" ")[2]
    session = client.protocol.dialog.connection.session_id
    assert formatEvent(event) == (
        f"session={session} queue={queue} listener= end=answered peer=192.168.1.1 helo=client.example login= tls= "
        "from=<a@client.example> to=<b@localhost>,<c@localhost> recipients=2 rejected=0 "
        "delivered=2 deferred=0 refused=0 octets=6 seconds=1.750000 backend=0.250000 "
        f'code=250 reply="250 2.0.0 Ok: queued as {queue}"'
    )
    client.hang_up()


def test_mail_and_rset_without_end_do_not_fill_the_log(logged, refusals):
    client = observed(logged.watching())
    client.ask(HELLO)
    for _ in range(MOST + 5):
        client.ask("MAIL FROM:<a@client.example>", "RSET")
    client.ask(*MAIL, "DATA", ".")
    assert [event["end"] for event in logged] == ["reset"] * MOST + ["answered"]
    assert refusals == []
    client.hang_up()
    (event,) = refusals
    session = client.protocol.dialog.connection.session_id
    assert formatEvent(event) == (
        f"session={session} queue=- more transactions were reset: peer=192.168.1.1 helo=client.example login= more=5"
    )


def test_so_many_resets_are_all_in_the_log(logged, refusals):
    client = observed(logged.watching())
    client.ask(HELLO, *["MAIL FROM:<a@client.example>", "RSET"] * MOST)
    client.hang_up()
    assert len(logged) == MOST
    assert refusals == []


def test_the_form_is_fixed(logged):
    for lines in (["DATA", "."], ["RSET"], []):
        client = observed(logged.watching())
        client.ask(HELLO, *MAIL, *lines)
        client.hang_up()
    assert [list(read(formatEvent(event))) for event in logged] == [FORM] * 3
    assert [event["end"] for event in logged] == ["answered", "reset", "closed"]
    assert [event["code"] for event in logged] == [250, 0, 0]


def test_the_fields_are_there_for_everybody(logged):
    client = observed(logged.watching())
    client.ask(HELLO, *MAIL, "DATA", ".")
    client.hang_up()
    (event,) = logged
    assert {name: str(event[name]) for name in FORM if name not in ("seconds", "backend")} == {
        name: value for name, value in logged.fields.items() if name not in ("seconds", "backend")
    }


@pytest.mark.parametrize(
    ("statuses", "counts", "code"),
    [
        ({}, "2 0 0", "250"),
        ({"b": 450}, "1 1 0", "450"),
        ({"b": 550, "c": 450}, "0 1 1", "550"),
        ({"c": 554}, "1 0 1", "554"),
    ],
)
def test_outcomes_under_lmtp(logged, statuses, counts, code):
    class Picky(Session):
        def data(self, message, context):
            for name, code in statuses.items():
                context.set_status(f"{name}@localhost", SMTPError(code, (code // 100, 0, 0), "No"))

    client = observed(logged.watching(), Picky(), lmtp=True)
    client.ask(HELLO.replace("EHLO", "LHLO"), *MAIL, "DATA", ".")
    client.hang_up()
    found = logged.fields
    assert " ".join(found[name] for name in ("delivered", "deferred", "refused")) == counts
    assert found["code"] == code


@pytest.mark.parametrize("end", ["DATA", "QUIT", "RSET"])
def test_recipients_that_were_refused(logged, end):
    """By the server, and by the backend in each way."""

    class Picky(Session):
        def rcpt(self, recipient, options):
            if recipient.startswith("no"):
                raise SMTPError(550, None, "No")
            return Reply(450, None, "Not now") if recipient.startswith("later") else None

    client = observed(logged.watching(), Picky(), max_recipients=2)
    recipients = ["no@localhost", "yes@localhost", "later@localhost", "yes", "", "yes@localhost", "third@localhost"]
    client.ask(HELLO, MAIL[0], *(f"RCPT TO:<{each}>" for each in recipients), end, ".")
    client.hang_up()
    assert (logged.fields["recipients"], logged.fields["rejected"]) == ("2", "5")


@pytest.mark.parametrize(
    ("sent", "rejected"),
    [
        (b"RCPT TO:<b\x01@localhost>\r\n", 1),
        (b"rcpt\tto:b@localhost\r\n", 1),
        (b"RCPT TO:<" + b"b" * 3000 + b"@localhost>\r\n", 1),
        (b"RCPT TO:<b@localhost>\r\nBDAT 1\r\nxRCPT TO:<b@localhost>\r\n", 1),
        (b"MAIL FROM:<>\r\nVRFY\r\nWHAT\r\nDATA\r\n", 0),
        (b"AUTH PLAIN RCPT\r\n", 0),
    ],
)
def test_each_refused_rcpt_is_one(logged, sent, rejected):
    client = observed(logged.watching())
    client.ask(HELLO, MAIL[0])
    client.send(sent)
    client.hang_up()
    assert logged.fields["rejected"] == str(rejected)


def test_a_rcpt_that_was_not_answered_is_not_a_refused_one(logged):
    class Slow(Session):
        def rcpt(self, recipient, options):
            return Deferred()

    client = observed(logged.watching(), Slow())
    client.ask(HELLO, *MAIL)
    client.hang_up()
    assert (logged.fields["recipients"], logged.fields["rejected"]) == ("0", "0")


def test_counts_begin_anew_with_each_transaction(logged):
    client = observed(logged.watching())
    client.ask(HELLO, MAIL[0], "RCPT TO:<x>", "RSET", *MAIL, "DATA", ".")
    client.hang_up()
    assert [(event["recipients"], event["rejected"]) for event in logged] == [(0, 1), (2, 0)]


@pytest.mark.parametrize(("code", "counts"), [(451, "0 2 0"), (550, "0 0 2")])
def test_one_answer_for_all(logged, code, counts):
    class Rude(Session):
        def data(self, message, context):
            raise SMTPError(code, (code // 100, 0, 0), "No\r\n250 yes")

    client = observed(logged.watching(), Rude())
    client.ask(HELLO, *MAIL, "DATA", ".")
    client.hang_up()
    found = logged.fields
    assert " ".join(found[name] for name in ("delivered", "deferred", "refused")) == counts
    assert found["reply"] == f"{code}-{code // 100}.0.0 No / {code} {code // 100}.0.0 250 yes"


def test_only_what_was_refused(logged):
    client = observed(logged.watching("refused"), No())
    client.ask(HELLO, "MAIL FROM:<>", *MAIL[1:], "DATA", ".", *MAIL, "RSET", *MAIL, "DATA", ".")
    client.hang_up()
    assert logged.fields["from"] == "<a@client.example>"


def test_what_the_backend_notes_comes_last(logged):
    class Noting(Session):
        def data(self, message, context):
            context.note(stored=2, where="a place\n", code="of its own", smtpx_line="forged\n", log_format="{forged}")

    client = observed(logged.watching(), Noting())
    client.ask(HELLO, *MAIL, "DATA", ".")
    client.hang_up()
    found = logged.fields
    assert list(found)[: len(FORM)] == FORM
    assert (found["stored"], found["where"], found["code"]) == ("2", "a place\n", "250")
    assert logged[0]["stored"] == 2


class Finding(Filter):
    """Finds something at the connection, and in each message; knows one recipient."""

    def connected(self, connection):
        return Accept(results=[Score("connection", 1)])

    def recipient(self, address, options):
        return None if address == "b@localhost" else Reply(550, (5, 1, 1), "No such user")

    def end(self, size):
        return Accept([("X-Score", "7"), ("X-Other", "a b")], results=[Score("message", 7.5)])


@dataclass
class Score:
    where: str
    score: float

    def facts(self):
        return {f"score_of_{self.where}": self.score}


@pytest.mark.parametrize("form", [TextFormat, JSONFormat])
def test_what_filters_have_found(form):
    written = []
    watching = TransactionLog(
        "all", logger=Logger("txsmtpx.test", observer=lambda event: written.append(form()(event)))
    )
    backend = FilterBackend(MemoryBackend(), Finding, hold=True, reactor=Clock())
    client = Conversation(backend, observers=[watching])
    client.ask(HELLO, *MAIL, "DATA", ".")
    client.ask(MAIL[0], MAIL[2], "RSET")
    client.ask(MAIL[0], MAIL[1])
    client.hang_up()
    found = [json.loads(line) if form is JSONFormat else read(line.partition("] ")[2].rstrip("\n")) for line in written]
    expected = [
        {"kept": 1, "added": "X-Score: 7; X-Other: a b", "score_of_connection": 1, "score_of_message": 7.5},
        {"score_of_connection": 1},
        {"score_of_connection": 1},
    ]
    own = {*FORM, "time", "level", "logger", "message"}
    facts = [{name: value for name, value in each.items() if name not in own} for each in found]
    if form is TextFormat:
        expected = [{name: str(value) for name, value in each.items()} for each in expected]
    assert facts == expected


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=50))
def test_nobody_forges_a_line(helo):
    logged = Logged()
    client = observed(logged.watching())
    client.send(f"EHLO {helo}\r\n".encode())
    if not client.protocol.dialog.connection.helo:  # that was no name
        client.ask(HELLO)
    helo = client.protocol.dialog.connection.helo
    client.ask(*MAIL, "RSET", "QUIT")
    client.hang_up()
    (event,) = logged
    assert TextFormat()(event)[:-1].isprintable()
    assert list(read(formatEvent(event))) == FORM
    assert read(formatEvent(event))["helo"] == json.loads(JSONFormat()(event))["helo"] == helo


def test_a_refusal_is_said_once(logged):
    said = []
    globalLogPublisher.addObserver(said.append)
    try:
        for observers in ([logged.watching()], [Observer()]):
            session = No()
            client = served_by(session, observers=observers)
            client.ask(HELLO, *MAIL, "DATA", ".")
            client.hang_up()
    finally:
        globalLogPublisher.removeObserver(said.append)
    assert len(logged) == 1
    (other,) = said
    assert re.fullmatch(
        r"session=\w+ queue=\w+ refused: peer=192.168.1.1 helo=client.example login= "
        r'command="\(end of the message\)" reply="550 5.0.0 No"',
        formatEvent(other),
    )


def test_how_long_it_took(logged):
    class Slow(Session):
        def data(self, message, context):
            context.note(first=1)
            context.note(second=2)
            return message.content().addCallback(lambda content: answer)

    answer = Deferred()
    client = observed(logged.watching(), Slow())
    client.ask(HELLO)
    client.clock.advance(100)
    client.ask(*MAIL)
    client.clock.advance(2)
    client.ask("DATA", "x", ".")
    client.clock.advance(3)
    answer.callback(None)
    fields = logged.fields
    assert (fields["seconds"], fields["backend"]) == ("5.000000", "3.000000")
    assert (fields["first"], fields["second"]) == ("1", "2")
    client.hang_up()


CHARACTERS = {"ASCII": "x", "blanks": "\t", "umlauts": "ü", "beyond": "\U0001f600"}


@pytest.mark.parametrize("letter", CHARACTERS.values(), ids=CHARACTERS)
def test_a_line_has_a_limit(logged, letter):
    """Whatever the peer, the next server and the message have to say."""

    class Talkative(Session):
        def data(self, message, context):
            context.note(subject=letter * 60_000, next=letter * 60_000, more=letter * 60_000, last=1)
            raise SMTPError(550, (5, 0, 0), "\n".join([f"no {letter}" * 1000] * 100))

    client = observed(logged.watching(), Talkative())
    client.ask(HELLO)
    client.protocol.dialog.connection.helo = client.protocol.dialog.connection.username = letter * 20_000
    client.ask("MAIL FROM:<a@client.example>", *[f"RCPT TO:<{n}@localhost>" for n in range(10)])
    client.protocol.dialog.transaction.recipients[:] = [letter * 1000] * 10
    client.protocol.dialog.transaction.sender = letter * 50_000
    client.ask("DATA", ".")
    client.hang_up()
    (event,) = logged
    for line in (TextFormat()(event), JSONFormat()(event)):
        assert len(line.encode()) <= 8000
    found, again = read(formatEvent(event)), json.loads(JSONFormat()(event))
    assert list(found)[: len(FORM)] == FORM
    for name in ("helo", "login", "from", "to", "reply", "subject"):
        assert re.search(r"\.\.\.\[\+\d+\]$", found[name])
        assert found[name] == again[name]
        assert len(json.dumps(found[name])) <= 1002
    assert int(found["cut"]) == again["cut"] >= 2
    assert found["recipients"] == "10"


def test_a_note_without_a_watcher_has_a_limit_too():
    said = []
    globalLogPublisher.addObserver(said.append)
    try:
        session = Session()
        session.data = lambda message, context: context.note(subject="s" * 60_000)
        client = served_by(session)
        client.ask(HELLO, *MAIL, "DATA", ".")
        client.hang_up()
    finally:
        globalLogPublisher.removeObserver(said.append)
    (event,) = said
    assert re.search(r"subject=s+\.\.\.\[\+\d+\]$", formatEvent(event))
    assert len(TextFormat()(event)) < 2000
