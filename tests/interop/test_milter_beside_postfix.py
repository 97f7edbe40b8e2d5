"""Postfix and our server with the same milter: the same verdict, and the same octets where it changes a message."""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from twisted.internet.endpoints import UNIXServerEndpoint

from tests.interop import milter_programs, servers
from tests.interop.conftest import need
from tests.interop.filtered import behind, letter
from tests.interop.milter_page import OPENDKIM_VERIFIES
from tests.milters import Milters
from tests.waiting import PATIENCE, eventually
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, Negotiation, Steps
from txsmtpx.testing import MailServer, Pem
from txsmtpx.testing.thread import ReactorThread

Room = Callable[[str], Path]

RECIPIENT = f"you@{servers.DOMAIN}"
MESSAGE = letter(
    b"X-Twice: one", b"Subject:   a  fold\r\n\there", b"X-Twice: two", b"X-Empty:", b"To: you@example.net",
    body=b"One\r\n.\r\n..Two \r\n\r\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def milters(room: Room) -> Iterator[tuple[Milters, Path]]:
    """The scripted milter, in a thread of its own, and its socket."""
    need("postfix")
    thread, made, path = ReactorThread(), Milters(), room("scripted") / "sock"
    endpoint = UNIXServerEndpoint(thread.reactor, str(path), mode=0o666)
    thread.call(endpoint.listen, made)
    yield made, path
    thread.stop()


@pytest.fixture(scope="module")
def postfix(room: Room, certificate: Pem, milters: tuple[Milters, Path]) -> Iterator[servers.Postfix]:
    """Postfix, which asks it, and adds no fields for those that a message does not have."""
    settings = {"smtpd_milters": f"unix:{milters[1]}", "local_header_rewrite_clients": ""}
    with servers.postfix(room("postfix-milter"), certificate, {}, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def ours(milters: tuple[Milters, Path]) -> Iterator[MailServer]:
    """Our server, which asks it; each session negotiates, as with Postfix."""
    with behind(milters[1], kept=0) as server:
        yield server


def spoken(port: int, message: bytes = MESSAGE) -> list[str]:
    """Send a message; return the replies up to the first that rejects, the greeting and the hello by their codes."""
    said = []
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection, connection.makefile("rwb") as stream:
        for line in ("", "EHLO client.example", "MAIL FROM:<me@example.org>", f"RCPT TO:<{RECIPIENT}>", "DATA", "."):
            if line == ".":
                stream.write(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            elif line:
                stream.write(f"{line}\r\n".encode())
            stream.flush()
            reply = [stream.readline().decode()]
            while reply[-1][3:4] == "-":
                reply.append(stream.readline().decode())
            said.append(reply[0][:3] if reply[0][:1] in "23" else "".join(reply))
            if reply[0][:1] not in "23":
                break
    return said


TRACE = re.compile(rb"^(?:Return-Path|X-Original-To|Delivered-To|Received):.*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)


def of_postfix(server: servers.Postfix) -> bytes:
    """Return the message that Postfix has stored, without the fields of its own."""
    (found,) = eventually(lambda: list(server.maildir.glob("*/new/*")), lambda: server.end)
    octets = found.read_bytes().replace(b"\n", b"\r\n")
    found.unlink()
    return re.sub(
        rb"^(?:Return-Path|X-Original-To|Delivered-To|Received):.*\r\n(?:[ \t].*\r\n)*", b"", octets, flags=re.M
    )


VERDICTS = [
    replies.Reject(), replies.TemporaryFailure(), replies.ReplyCode(b"554-5.6.0 No,\r\n554 5.6.0 100%% no"),
    replies.ReplyCode(b"452 4.3.1 Later"),
]  # fmt: skip
STAGES = [
    commands.Hello, commands.Mail, commands.Recipient, commands.Data, commands.HeaderField, commands.EndOfHeader,
    commands.Body, commands.EndOfMessage,
]  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_the_same_rejection(
    milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer, stage: type[commands.Command]
) -> None:
    """
    At the same command, with two exceptions.

    Postfix accepts each EHLO, and rejects the next command.  Our server answers a rejection at DATA after the message.
    """
    for verdict in VERDICTS:
        milters[0].script = {stage: [verdict]}
        mine, theirs = spoken(ours.port), spoken(postfix.port)
        assert mine[-1] == theirs[-1]
        assert mine == theirs or stage in (commands.Hello, commands.Data)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_rejection_at_the_connect(
    milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer, verdict: replies.Verdict
) -> None:
    """
    For now or for good.

    Postfix greets a client that is rejected for now, and does not use the text of a permanent rejection.
    """
    milters[0].script = {commands.Connect: [verdict]}
    (mine,) = spoken(ours.port)
    assert mine[:3] in ("421", "554")
    assert mine[0] == spoken(postfix.port)[-1][0]


def add(name: bytes, value: bytes) -> replies.AddHeader:
    return replies.AddHeader(name, value)


def insert(index: int, name: bytes, value: bytes) -> replies.InsertHeader:
    return replies.InsertHeader(index, name, value)


def change(index: int, name: bytes, value: bytes) -> replies.ChangeHeader:
    return replies.ChangeHeader(index, name, value)


CHANGES: list[Sequence[replies.Modification]] = [
    [],
    [add(b"X-A", b"1"), add(b"X-B", b"one\n two\n\tthree"), add(b"X-C", b"")],
    [insert(1, b"X-A", b"1"), insert(1, b"X-B", b"2")],
    [insert(2, b"X-A", b"1"), insert(4, b"X-B", b"2"), insert(99, b"X-C", b"3")],
    [insert(0, b"X-A", b"1"), insert(1, b"X-B", b"2"), insert(3, b"X-C", b"3")],
    [change(1, b"x-twice", b"1")],
    [change(2, b"X-Twice", b"2"), change(1, b"X-Twice", b"1\n\tmore")],
    [change(3, b"X-Twice", b"3"), change(1, b"X-New", b"new")],
    [change(1, b"X-Twice", b"")],
    [change(2, b"X-Twice", b""), change(1, b"X-Twice", b"")],
    [change(1, b"X-Twice", b""), change(1, b"X-Twice", b"1")],
    [change(1, b"Subject", b""), insert(1, b"Subject", b"Another")],
    [replies.ReplaceBody(b"Other\r\n")],
    [replies.ReplaceBody(b"O"), replies.ReplaceBody(b"ther\r"), replies.ReplaceBody(b"\n\r\n.\r\n")],
    [replies.ReplaceBody(b"Other\r\n"), add(b"X-A", b"1"), change(1, b"To", b"x@y.example")],
]  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES, ids=range(len(CHANGES)))
@pytest.mark.parametrize("steps", [Steps(0), Steps.LEADING_SPACE], ids=["", "leading space"])
def test_the_same_octets(
    milters: tuple[Milters, Path],
    postfix: servers.Postfix,
    ours: MailServer,
    changes: Sequence[replies.Modification],
    steps: Steps,
) -> None:
    milters[0].script = {commands.EndOfMessage: [*changes, replies.Continue()]}
    milters[0].negotiation = Negotiation(6, ALL_ACTIONS, steps)
    ours.clear()
    assert spoken(ours.port)[-1] == spoken(postfix.port)[-1] == "250"
    (mine,) = ours.messages
    assert mine.content == of_postfix(postfix)


ENVELOPES: list[Sequence[replies.Modification]] = [
    [replies.ChangeSender(b"<other@example.org>")],
    [replies.ChangeSender(b"<>")],
    [replies.AddRecipient(b"<more@example.test>")],
    [
        replies.AddRecipientWithArguments(b"<more@example.test>", b"NOTIFY=NEVER"),
        replies.DeleteRecipient(b"<you@example.test>"),
    ],
]  # fmt: skip


@pytest.mark.parametrize("changes", ENVELOPES, ids=range(len(ENVELOPES)))
def test_the_same_envelope(
    milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer, changes: Sequence[replies.Modification]
) -> None:
    milters[0].script = {commands.EndOfMessage: [*changes, replies.Continue()]}
    ours.clear()
    assert spoken(ours.port)[-1] == spoken(postfix.port)[-1] == "250"
    (mine,) = ours.messages
    stored = eventually(
        lambda: found if len(found := list(postfix.maildir.glob("*/new/*"))) == len(mine.recipients) else None,
        lambda: postfix.end,
    )
    texts = [each.read_bytes() for each in stored]
    for each in stored:
        each.unlink()
    assert {re.search(rb"^Return-Path: <(.*)>$", text, re.M)[1].decode() for text in texts} == {mine.sender}  # type: ignore[index]
    to = sorted(re.search(rb"^Delivered-To: (.*)$", text, re.M)[1].decode() for text in texts)  # type: ignore[index]
    assert to == sorted(mine.recipients)


@pytest.mark.parametrize("stage", [commands.Mail, commands.Recipient, commands.EndOfMessage])
def test_a_discarded_message_is_accepted(
    milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer, stage: type[commands.Command]
) -> None:
    milters[0].script = {stage: [replies.DiscardMessage()]}
    ours.clear()
    assert spoken(ours.port)[-1] == spoken(postfix.port)[-1] == "250"
    postfix.logged(r"milter-discard|discard:")
    assert ours.messages == []


def test_a_message_is_discarded_for_all_its_recipients(
    milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer
) -> None:
    def answer(command: commands.Command) -> Sequence[replies.FilterReply]:
        assert isinstance(command, commands.Recipient)
        return [replies.DiscardMessage() if b"trap" in command.address else replies.Continue()]

    milters[0].script = {commands.Recipient: answer}
    ours.clear()
    to = [f"{user}@{servers.DOMAIN}" for user in ("a", "trap", "b")]
    for port in (ours.port, postfix.port):
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
            assert client.sendmail("discarded@example.org", to, MESSAGE) == {}
    assert ours.messages == []
    postfix.logged(r"discard: RCPT.* from=<discarded@example\.org>")
    assert list(postfix.maildir.glob("*/new/*")) == []


def test_the_macros_are_the_same(milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer) -> None:
    """Of each stage, by default: all names of Postfix, and the values that do not name the server itself."""
    made = milters[0]
    made.script, made.negotiation = {}, Negotiation(6, ALL_ACTIONS, Steps(0))

    def seen(port: int) -> dict[bytes, dict[bytes, bytes]]:
        before = len(made.connections)
        assert spoken(port)[-1] == "250"
        (connection,) = eventually(lambda: made.connections[before:])
        eventually(lambda: any(isinstance(each, commands.EndOfMessage) for each in connection.told))
        return connection.macros

    mine, theirs = seen(ours.port), seen(postfix.port)
    of_postfix(postfix)  # which the next test must not find
    own = {b"j", b"v", b"{daemon_name}", b"i", b"{rcpt_mailer}", b"{mail_mailer}"}
    for stage, macros in theirs.items():
        if stage not in (commands.HeaderField.code, commands.Body.code):  # which libmilter ignores
            assert set(macros) <= set(mine[stage])
            assert {
                name: value for name, value in macros.items() if name not in own and mine[stage][name] != value
            } == {}


ODD = {
    "as usual": MESSAGE,
    "no body": letter(body=b""),
    "an empty line": letter(body=b"\r\n"),
    "blank lines": letter(body=b"\r\n \r\n\r\n"),
    "8-bit": letter(b"Comments: \xc3\xa4\xff", body=b"\xe4\xff\r\n"),
    "white space": letter(b"A:x", b"B: ", b"C:\ty", b"D:  z  ", b"E: \t x\t"),
    "folds": letter(b"A:\r\n b", b"B: a\r\n\tb\r\n   c ", b"C: a\r\n \r\n b"),
    "long lines": letter(b"A: " + b"x" * 900, body=b"y" * 990 + b"\r\n"),
    "no header": b"\r\nA body\r\n",
    "a field only": b"Subject: x\r\n",
    "many": letter(*(b"X-%d: %d" % (n, n) for n in range(300))),
    "large": letter(body=b"0123456789" * 7 + b"\r\n" + b"line\r\n" * 40_000),
    "dots": letter(body=b".\r\n..\r\n...\r\n.a\r\n"),
}


@pytest.mark.parametrize("message", ODD.values(), ids=ODD)
def test_what_the_milter_sees_is_the_same(
    milters: tuple[Milters, Path], postfix: servers.Postfix, ours: MailServer, message: bytes
) -> None:
    """Each command of ours but the end of the connection, with its octets, as that of Postfix; and what is stored."""
    made, added = milters[0], [insert(1, b"X-A", b"1"), change(1, b"To", b""), add(b"X-B", b"2")]
    made.script, made.negotiation = {}, Negotiation(6, ALL_ACTIONS, Steps.LEADING_SPACE)
    made.script = {commands.EndOfMessage: [*added, replies.Continue()]}

    def seen(port: int) -> list[commands.Command]:
        before = len(made.connections)
        assert spoken(port, message)[-1] == "250"
        (connection,) = eventually(lambda: made.connections[before:])
        eventually(lambda: any(isinstance(each, commands.EndOfMessage) for each in connection.told))
        kept = (commands.Hello, commands.Mail, commands.Recipient, commands.Data, commands.HeaderField)
        told: list[commands.Command] = [each for each in connection.told if isinstance(each, kept)]
        return [*told, commands.Body(b"".join(x.octets for x in connection.told if isinstance(x, commands.Body)))]

    ours.clear()
    assert seen(ours.port) == seen(postfix.port)
    (mine,) = ours.messages
    assert mine.content == of_postfix(postfix)


def test_opendkim(room: Room, certificate: Pem) -> None:
    """It deletes a forged result, and adds its own, in the same octets at the same place."""
    need("opendkim")
    forged = b"Authentication-Results: mx.example.org; dkim=pass header.d=evil.example"
    message = letter(b"Authentication-Results: other.example; spf=pass", forged)
    with (
        milter_programs.opendkim(room("opendkim-postfix"), OPENDKIM_VERIFIES, "nothing.example x\n") as path,
        servers.postfix(room("postfix-opendkim"), certificate, {}, smtpd_milters=f"unix:{path}") as postfix,
        behind(path) as ours,
    ):
        assert spoken(ours.port, message)[-1] == spoken(postfix.port, message)[-1] == "250"
        (mine,) = ours.messages
        assert mine.content == of_postfix(postfix)
    assert forged not in mine.content
    assert mine.content.startswith(b"Authentication-Results: mx.example.org; dkim=none")
