"""Why a client was refused: one line in the default log, without a secret, and not too many of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import fail
from twisted.internet.testing import StringTransport
from twisted.logger import formatEvent, globalLogPublisher
from zope.interface import directlyProvides

from tests.dialog.test_fields import read
from tests.encoding import b64
from txsmtpx import Extension, OpenBackend, Reply, Session, SMTPError, TransactionLog, Verb
from txsmtpx.dialog.refusals import MOST
from txsmtpx.dialog.state import ANY, State
from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.testing import Conversation, RecordingBackend
from txsmtpx.wire.server_certificate import Certificate

HELLO = "EHLO client.example"
MAIL, RCPT = "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>"
PASSWORD = "correct horse"

Events = list[dict[str, Any]]


@pytest.fixture
def log() -> Iterator[Events]:
    """What this library logs."""
    events: Events = []

    def observe(event: dict[str, Any]) -> None:
        if event["log_namespace"].startswith("txsmtpx."):
            events.append(event)

    globalLogPublisher.addObserver(observe)
    yield events
    globalLogPublisher.removeObserver(observe)


def lines(log: Events, what: str = "refused") -> list[dict[str, str]]:
    """The fields of the lines that say ``what``."""
    found = [re.fullmatch(rf"(session=\S+ queue=\S+) {what}: (.*)", formatEvent(event)) for event in log]
    return [read(f"{match[1]} {match[2]}") for match in found if match is not None]


def secret(*words: str) -> str:
    return b64("\0".join(words))


class Picky(Session):
    """Refuses in each way."""

    def mail(self, sender: str, options: object) -> Any:
        return fail(SMTPError(550, (5, 7, 1), "No such sender")) if sender.startswith("no") else None

    def rcpt(self, recipient: str, options: object) -> Any:
        return Reply(450, (4, 2, 1), "Not now") if recipient.startswith("later") else None

    def data(self, message: Any, context: Any) -> Any:
        raise SMTPError(554, (5, 6, 0), "I do not like that message")


@pytest.mark.parametrize(
    ("asked", "command", "reply"),
    [
        (["MAIL FROM:me@example.com"], "MAIL FROM:me@example.com",
         "501 5.5.2 Bad address: the address stands in angle brackets"),
        (["MAIL FROM:<me@example.com> SIZE=99999999999"], "MAIL FROM:<me@example.com> SIZE=99999999999",
         "552 5.3.4 Message too big"),
        (["MAIL FROM:<no@example.com>"], "MAIL FROM:<no@example.com>", "550 5.7.1 No such sender"),
        ([MAIL, "RCPT TO:<later@example.com>"], "RCPT TO:<later@example.com>", "450 4.2.1 Not now"),
        ([MAIL, "DATA"], "DATA", "503 5.5.1 No valid recipients, RCPT comes first"),
        (["STARTTLS"], "STARTTLS", "502 5.5.1 Command not offered here"),
        (["AUTH PLAIN " + secret("", "me", PASSWORD)], "AUTH PLAIN [credentials]",
         "502 5.5.1 Command not offered here"),
        (["auth login"], "auth login", "502 5.5.1 Command not offered here"),
        (["WHAT"], "[unknown command, 4 octets]", "500 5.5.2 Command not recognized"),
        (["MAIL\tFROM:<j\x81@example.com>"], "MAIL\tFROM:<j\x81@example.com>",
         "501 5.5.2 Octet 0xC2 at position 13 begins a control character"),
        ([f"MAIL FROM:<{'x' * 3000}@example.com>"], "MAIL FROM:<xxxxx", "500 5.5.2 Line too long"),
        (["VRFY"], "VRFY", "501 5.5.2 Syntax: VRFY address"),
        ([MAIL, RCPT, "BDAT 7 LAST\r\nhello"], "(end of the message)", "554 5.6.0 I do not like that message"),
    ],
)  # fmt: skip
def test_each_refusal_is_a_line(log: Events, asked: list[str], command: str, reply: str) -> None:
    client = Conversation(OpenBackend(lambda connection: Picky()))
    client.ask(HELLO, *asked)
    client.hang_up()
    (line,) = lines(log)
    connection = client.protocol.dialog.connection
    assert list(line) == ["session", "queue", "peer", "helo", "login", "command", "reply"]
    assert line["session"] == connection.session_id
    assert (line["peer"], line["helo"], line["login"]) == ("192.168.1.1", "client.example", "")
    assert (line["command"], line["reply"]) == (command, reply)


def test_the_transaction_of_a_line(log: Events) -> None:
    client = Conversation(OpenBackend(lambda connection: Picky()))
    client.ask(HELLO, "MAIL FROM:<no@example.com>", MAIL, "RCPT TO:<later@example.com>")
    queue = client.protocol.dialog.queue_id
    client.hang_up()
    assert [line["queue"] for line in lines(log)] == ["-", queue]


def test_a_message_that_is_refused_is_in_the_line_of_its_transaction(log: Events) -> None:
    client = Conversation(OpenBackend(lambda connection: Picky()), observers=[TransactionLog()])
    client.ask(HELLO, MAIL, RCPT, "DATA", ".")
    client.hang_up()
    assert lines(log) == []
    (event,) = log
    assert event["reply"] == "554 5.6.0 I do not like that message"


def test_json_has_the_fields(log: Events) -> None:
    client = Conversation()
    client.ask(HELLO, 'RCPT TO:<"a b"@example.com>')
    client.hang_up()
    found = json.loads(JSONFormat()(log[0]))
    assert list(found)[3:] == ["message", "session", "queue", "peer", "helo", "login", "command", "reply"]
    assert found["message"] == "refused"
    assert found["command"] == 'RCPT TO:<"a b"@example.com>'
    assert (found["peer"], found["reply"]) == ("192.168.1.1", "503 5.5.1 MAIL comes first")


def certificate() -> Certificate:
    made = Certificate.__new__(Certificate)
    made.creator = None
    return made


def test_commands_before_tls_and_before_auth(log: Events) -> None:
    backend = RecordingBackend({"me": PASSWORD})
    client = Conversation(backend, tls=certificate(), require_tls=True, require_auth=True)
    client.ask(HELLO, MAIL, "AUTH PLAIN " + secret("", "me", PASSWORD))
    client.hang_up()
    other = Conversation(backend, allow_insecure_auth=True, require_auth=True)
    other.ask(HELLO, MAIL)
    other.hang_up()
    third = Conversation(backend, tls=certificate())
    third.ask(HELLO, "AUTH PLAIN " + secret("", "me", PASSWORD))
    third.hang_up()
    assert [(line["command"], line["reply"]) for line in lines(log)] == [
        (MAIL, "530 5.7.0 Issue STARTTLS first"),
        ("AUTH PLAIN [credentials]", "530 5.7.0 Issue STARTTLS first"),
        (MAIL, "530 5.7.0 Authentication required"),
        ("AUTH PLAIN [credentials]", "538 5.7.11 Encryption required for that authentication mechanism"),
    ]


@pytest.mark.parametrize(
    ("asked", "mechanism"),
    [
        (["AUTH PLAIN " + secret("", "joe", "wrong")], "PLAIN"),
        (["AUTH LOGIN", secret("joe"), secret("wrong")], "LOGIN"),
        (["AUTH LOGIN", secret("joe"), b64(b"\xc2\x80")], "LOGIN"),
        (["AUTH SCRAM-SHA-256", secret("n,,n=joe,r=abc"), secret("c=biws,r=wrong,p=d3Jvbmc=")], "SCRAM-SHA-256"),
    ],
)
def test_a_refused_login(log: Events, asked: list[str], mechanism: str) -> None:
    backend = RecordingBackend({"joe": PASSWORD})
    if mechanism.startswith("SCRAM"):
        from txsmtpx.sasl.scram_proof import IScramProof

        backend.credential_interfaces = (IScramProof,)
        backend.scram_verifier = lambda username, mechanism: None
    client = Conversation(backend, allow_insecure_auth=True)
    client.ask(HELLO, *asked)
    client.clock.advance(1)
    assert client.replies()[-1].startswith("535")
    client.hang_up()
    (line,) = lines(log, "login refused")
    assert line["peer"] == "192.168.1.1"
    assert (line["queue"], line["mechanism"], line["user"], line["count"]) == ("-", mechanism, "joe", "1")
    assert line["reply"] == "535 5.7.8 Authentication credentials invalid"
    assert lines(log) == []  # it is said once
    assert "wrong" not in "".join(map(formatEvent, log))


def test_logins_are_logged_behind_a_flood_too(log: Events) -> None:
    client = Conversation(RecordingBackend({"joe": PASSWORD}), allow_insecure_auth=True, max_errors=0)
    client.ask(HELLO, *["WHAT"] * 50)
    for _ in range(3):
        client.ask("AUTH PLAIN " + secret("", "joe", "wrong"))
        client.clock.advance(10)
    assert client.closed
    client.hang_up()
    assert [line["count"] for line in lines(log, "login refused")] == ["1", "2", "3"]
    (line,) = lines(log, "closing")
    assert line["after"] == "AUTH PLAIN [credentials]"
    assert line["reply"] == "421 4.7.0 Too many failed logins, closing the connection"


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("reply", [450, 550])
def test_a_flood_is_bounded(log: Events, reply: int, lmtp: bool) -> None:
    client = Conversation(RecordingBackend(rcpt=lambda *_: Reply(reply, None, "No")), lmtp=lmtp, max_errors=0)
    client.ask("LHLO client.example" if lmtp else HELLO, MAIL, *[RCPT] * 1000)
    for _ in range(10):
        client.clock.advance(0)  # others have their turn
    client.hang_up()
    assert len(lines(log)) == MOST
    (more,) = lines(log, "more commands were refused")
    assert more["more"] == str(1000 - MOST)
    assert len(log) == MOST + 1


@pytest.mark.parametrize(("refused", "more"), [(MOST, []), (MOST + 1, [("-", "1")])])
def test_only_what_has_no_line_is_counted(log: Events, refused: int, more: list[tuple[str, str]]) -> None:
    client = Conversation(max_errors=0)
    client.ask(HELLO, *["WHAT"] * refused)
    client.hang_up()
    assert [(line["queue"], line["more"]) for line in lines(log, "more commands were refused")] == more


def test_recipients_that_are_refused_at_the_end_of_the_message_are_bounded_too(log: Events) -> None:
    """Under LMTP each has a reply."""
    client = Conversation(OpenBackend(lambda connection: Picky()), lmtp=True)
    client.ask("LHLO client.example", MAIL, *[RCPT] * 90, "DATA", ".")
    client.hang_up()
    assert len(lines(log)) == MOST
    assert lines(log)[0]["reply"] == "554 5.6.0 <you@example.com> I do not like that message"


def test_too_many_errors(log: Events) -> None:
    client = Conversation(max_errors=20)
    client.ask(HELLO, *["RCPT"] * 20)
    assert client.closed
    client.hang_up()
    (line,) = lines(log, "closing")
    assert (line["after"], line["reply"]) == ("RCPT", "421 4.7.0 Too many errors, closing the connection")


def test_too_many_connections(log: Events) -> None:
    client = Conversation(max_connections=1)
    second = client.protocol.factory.buildProtocol(None)
    second.makeConnection(StringTransport())
    second.connectionLost()
    client.hang_up()
    (line,) = lines(log, "closing")
    assert (line["peer"], line["after"]) == ("192.168.1.1", "")
    assert line["reply"] == "421 4.7.0 Too many connections, try again later"


def test_too_many_connections_of_a_host(log: Events) -> None:
    client = Conversation(max_connections_per_host=1)
    second = client.protocol.factory.buildProtocol(None)
    second.makeConnection(StringTransport())
    second.connectionLost()
    client.hang_up()
    assert [line["peer"] for line in lines(log, "closing")] == ["192.168.1.1"]


def test_a_time_out(log: Events) -> None:
    client = Conversation()
    client.ask(HELLO, MAIL, RCPT, "DATA")
    client.clock.advance(300)
    client.hang_up()
    (line,) = lines(log, "closing")
    assert (line["after"], line["reply"]) == ("DATA", "421 4.4.2 Idle for too long, closing the connection")


def test_a_server_that_stops_refuses_nobody(log: Events) -> None:
    client = Conversation()
    client.ask(HELLO)
    client.protocol.goodbye()
    assert client.replies() == ["421 4.3.2 Service shutting down, closing the connection"]
    client.hang_up()
    assert log == []


def test_a_421_of_the_backend(log: Events) -> None:
    client = Conversation(RecordingBackend(rcpt=lambda *_: Reply(421, (4, 3, 2), "Down")), max_errors=0)
    client.ask(HELLO, *["WHAT"] * 50, MAIL, RCPT)
    client.hang_up()
    assert [line["reply"] for line in lines(log)][MOST:] == ["421 4.3.2 Down"]
    (more,) = lines(log, "more commands were refused")
    assert more["more"] == str(50 - MOST)


def test_a_line_is_bounded(log: Events) -> None:
    """Whatever the client sends, and the backend answers."""
    backend = RecordingBackend(rcpt=lambda *_: Reply(550, None, *["no " * 100] * 100))
    client = Conversation(backend, allow_insecure_auth=True)
    client.ask(f"EHLO {'h' * 1900}", MAIL, f"RCPT TO:<{'x' * 200}@example.com> {'y' * 1700}", RCPT)
    client.hang_up()
    long, answered = lines(log)
    assert re.fullmatch(r"h{900,}\.\.\.\[\+\d+\]", long["helo"])
    assert re.fullmatch(r"RCPT TO:<x{200}@example.com> y+\.\.\.\[\+\d+\]", long["command"])
    assert answered["reply"].startswith("550-5.0.0 no no")
    assert all(len(TextFormat()(event)) < 8000 and len(JSONFormat()(event)) < 8000 for event in log)


def test_a_name_is_bounded(log: Events) -> None:
    client = Conversation(RecordingBackend({"joe": PASSWORD}), allow_insecure_auth=True)
    client.ask(HELLO, "AUTH LOGIN", secret("n" * 8000), secret("wrong"))
    client.clock.advance(1)
    client.hang_up()
    (line,) = lines(log, "login refused")
    assert re.fullmatch(r"n{900,}\.\.\.\[\+\d+\]", line["user"])


@pytest.mark.parametrize(
    "responses", [["PLAIN", secret("", "joe", PASSWORD)], ["LOGIN", secret("joe"), secret(PASSWORD)]], ids=repr
)
@pytest.mark.parametrize(
    ("answered", "told"),
    [
        (f"{PASSWORD} is wrong", "[credentials]"),
        (f"not {PASSWORD.upper()}", "[credentials]"),
        (f"no {secret('', 'joe', PASSWORD)} {secret(PASSWORD)}", "[credentials]"),
        ("Joe is locked", "Joe is locked"),
    ],
)
def test_a_reply_that_repeats_credentials(log: Events, responses: list[str], answered: str, told: str) -> None:
    def login(*_: object) -> Any:
        raise SMTPError(535, (5, 7, 8), answered)

    client = Conversation(RecordingBackend({"joe": ""}, login=login), allow_insecure_auth=True)
    client.ask(HELLO, f"AUTH {responses[0]}", *responses[1:])
    client.clock.advance(1)
    assert client.replies() == [f"535 5.7.8 {answered}"]
    client.hang_up()
    (line,) = lines(log, "login refused")
    assert (line["user"], line["reply"]) == ("joe", f"535 5.7.8 {told}")


@pytest.mark.parametrize("username", ["jo\u00eb", "jo\u00eb".encode(), None, b""])
def test_a_mechanism_of_ones_own(log: Events, username: object) -> None:
    class Server:
        def __init__(self, *_: object) -> None: ...

        def next(self, response: bytes | None) -> Any:
            credentials = type("Ticket", (), {"username": username})()
            return directlyProvides(credentials, IUsernamePassword) or credentials

    backend = RecordingBackend({"joe": PASSWORD})
    backend.mechanisms = (Mechanism("TICKET", IUsernamePassword, Server),)
    backend.authenticate = lambda *_: fail(UnauthorizedLogin())
    client = Conversation(backend, allow_insecure_auth=True)
    client.ask(HELLO, "AUTH TICKET")
    client.clock.advance(1)
    assert client.replies() == ["535 5.7.8 Authentication credentials invalid"]
    client.hang_up()
    (line,) = lines(log, "login refused")
    assert (line["mechanism"], line["user"]) == ("TICKET", "jo\u00eb" if username else "")


def test_a_secret_argument(log: Events) -> None:
    """Of a verb of one's own."""
    verb = Verb("XPASS", lambda dialog, argument: Reply(550, None, "No"), "XPASS password", ANY, secret=True)
    told: list[str] = []
    client = Conversation(
        OpenBackend(lambda connection: Session()), extensions=[Extension("XPASS", "none", verbs=(verb,))],
        transcript=lambda session, who, line: told.append(f"{who}: {line}"),
    )  # fmt: skip
    client.ask(HELLO, f"xpass {PASSWORD}", "XPASS", "NOOP")
    client.hang_up()
    assert [line["command"] for line in lines(log)] == ["xpass [credentials]", "XPASS"]
    no = "S: 550 5.0.0 No"
    assert told[-6:] == ["C: xpass [credentials]", no, "C: XPASS", no, "C: NOOP", "S: 250 2.0.0 Ok"]


def test_early_talkers(log: Events) -> None:
    client = Conversation(greeting_delay=5)
    client.ask(HELLO)
    client.hang_up()
    (line,) = lines(log, "closing")
    assert (line["after"], line["reply"]) == ("", "554 5.5.1 Wait for the greeting before the first command")


@pytest.mark.parametrize(
    "octets",
    [
        b"AUTH " + PASSWORD.encode(), b"AUTH\tPLAIN\t" + PASSWORD.encode(), b"AUTH=" + PASSWORD.encode(),
        b" AUTH PLAIN " + PASSWORD.encode(), b"AUTH PLAIN " + PASSWORD.encode() + b"\xff", PASSWORD.encode(),
        b"AUTH GSSAPI " + PASSWORD.encode(), b"AUTH " + PASSWORD.encode() + b"\0", b"*" + PASSWORD.encode(),
        b"AUTH LOGIN dXNlcg==\r\n" + PASSWORD.encode(), b"AUTH PLAIN\r\n" + PASSWORD.encode() * 2000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("logins", [False, True])
@pytest.mark.parametrize("hello", [b"", b"EHLO client.example\r\n", b"EHLO client.example\r\nMAIL FROM:<>\r\n"])
def test_no_secret(log: Events, hello: bytes, octets: bytes, logins: bool) -> None:
    """Whatever a client takes for AUTH, or sends when AUTH has been refused."""
    backend = RecordingBackend({"me": PASSWORD} if logins else None)
    client = Conversation(backend, allow_insecure_auth=True)
    client.send(hello + octets + b"\r\n" + secret(PASSWORD).encode() + b"\r\n" + PASSWORD.encode() + b"\r\n")
    client.clock.advance(100)
    client.hang_up()
    assert log
    for event in log:
        told = JSONFormat()(event) + formatEvent(event)
        assert PASSWORD not in told
        assert PASSWORD.split()[0] not in told
        assert secret(PASSWORD) not in told


@given(st.binary(max_size=60))
def test_any_line_is_one_line_of_the_log(line: bytes) -> None:
    events: Events = []
    globalLogPublisher.addObserver(events.append)
    try:
        client = Conversation()
        client.send(b"RCPT " + line.replace(b"\n", b"") + b"\r\n")
        client.hang_up()
    finally:
        globalLogPublisher.removeObserver(events.append)
    for event in events:
        assert TextFormat()(event)[:-1].isprintable()


def test_a_refusal_says_where(log: Events) -> None:
    """Each state's own 503."""
    client = Conversation()
    client.ask("DATA", HELLO, "DATA", MAIL, "DATA", MAIL)
    assert client.protocol.dialog.state is State.MAIL
    client.hang_up()
    assert [line["reply"] for line in lines(log)] == [
        "503 5.5.1 Send EHLO first", "503 5.5.1 MAIL comes first", "503 5.5.1 No valid recipients, RCPT comes first",
        "503 5.5.1 A transaction is open already, RSET ends it",
    ]  # fmt: skip
