"""The commands of POP3 clients."""

from __future__ import annotations

import hashlib
import re

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.interfaces import ISSLTransport
from zope.interface import alsoProvides

from tests.inbox.pop3_client import Pop3Client
from tests.inbox.site import Web
from txsmtpx.inbox.pop3_connection import LINES, PIECE
from txsmtpx.inbox.pop3_factory import Pop3Factory

SMALL = b"Subject: x\r\n\r\n.dot\r\n"


def users() -> InMemoryUsernamePasswordDatabaseDontUse:
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"me", b"a secret ")
    return checker


class NoApop:
    """Has no password in a form that APOP can use."""

    credentialInterfaces = (IUsernamePassword,)


def content(answer: bytes) -> bytes:
    """The message in an answer, with each line as it was before it was stuffed."""
    first, *lines = answer.split(b"\r\n")
    assert first.startswith(b"+OK")
    assert lines[-2:] == [b".", b""]
    assert [line for line in lines[:-2] if line.startswith(b".") and not line.startswith(b"..")] == []
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


def test_a_session(both):
    for each in (SMALL, b"", b"Subject: y\r\n\r\n"):
        both.keep(each)
    client = Pop3Client(both)
    assert re.fullmatch(rb"\+OK inbox <[0-9a-f]{32}@inbox>\r\n", client.greeting)
    assert client.ask("STAT") == b"+OK 3 34\r\n"
    assert client.ask("LIST") == b"+OK the list follows\r\n1 20\r\n2 0\r\n3 14\r\n.\r\n"
    assert client.ask("uidl 3") == b"+OK 3 0123456789AB.3\r\n"
    assert client.ask("UIDL").count(b"0123456789AB.") == 3
    assert client.ask("RETR 1") == b"+OK 20 octets\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
    assert client.ask("RETR 2") == b"+OK 0 octets\r\n.\r\n"
    assert client.ask("DELE 1")[:3] == b"+OK"
    assert client.ask("LIST", "STAT", "LIST 1") == (
        b"+OK the list follows\r\n2 0\r\n3 14\r\n.\r\n+OK 2 14\r\n-ERR the message is deleted\r\n"
    )
    assert client.ask("RSET", "STAT", "NOOP").count(b"+OK") == 3
    assert client.ask("DELE 3", "QUIT", "STAT") == b"+OK QUIT deletes it\r\n+OK bye\r\n"
    assert client.transport.disconnecting
    assert Pop3Client(both).ask("STAT") == b"+OK 2 20\r\n"
    assert both.json("/api/messages")["messages"][0]["read"] is False


def test_a_deletion_can_be_undone_in_the_page(both):
    both.keep(SMALL)
    Pop3Client(both).ask("DELE 1", "QUIT")
    assert both.json("/api/messages")["total"] == 0
    both.ask("POST", "/api/deletions/1/undo")
    assert both.json("/api/messages")["total"] == 1


def test_only_quit_deletes(both):
    both.keep(SMALL)
    client = Pop3Client(both)
    client.ask("DELE 1")
    client.lose()
    assert both.json("/api/messages")["total"] == 1


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        (b"no header", b"no header\r\n"),
        (b".\r\n.\r\n..\r\n", b".\r\n.\r\n..\r\n"),
        (b"a\n.\nb", b"a\r\n.\r\nb\r\n"),
        (b"\xff\x00 8bit\r\n", b"\xff\x00 8bit\r\n"),
        (b"x" * (3 * PIECE) + b"\r\n", b"x" * (3 * PIECE) + b"\r\n"),
        (b"x" * (PIECE - 1) + b"\r\n.dot\r\n", b"x" * (PIECE - 1) + b"\r\n.dot\r\n"),
        (b"x" * (PIECE - 2) + b"\r\n.dot\r\n", b"x" * (PIECE - 2) + b"\r\n.dot\r\n"),
        (b"x" * (PIECE - 1) + b"\n.dot\r", b"x" * (PIECE - 1) + b"\r\n.dot\r\n"),
        (b".x\r\n" * PIECE, b".x\r\n" * PIECE),
        (b"x" * PIECE, b"x" * PIECE + b"\r\n"),
    ],
    ids=range(10),
)
def test_dots_and_line_ends(both, sent, arrived):
    both.keep(sent)
    client = Pop3Client(both)
    assert content(client.ask("RETR 1")) == arrived
    assert content(client.ask("TOP 1 999999999")) == arrived


@pytest.mark.parametrize("size", [0, PIECE - 16, PIECE - 15, PIECE - 14, PIECE - 13])
def test_top(both, size):
    header = b"Subject: " + b"x" * size + b"\r\n\r\n"
    both.keep(header + b".one\r\ntwo\r\nthree")
    client = Pop3Client(both)
    assert content(client.ask("TOP 1 0")) == header
    assert content(client.ask("TOP 1 2")) == header + b".one\r\ntwo\r\n"
    assert content(client.ask("TOP 1 9")) == header + b".one\r\ntwo\r\nthree\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "the command is unknown"), ("XYZ", "the command is unknown"), ("LAST", "the command is unknown"),
        ("AUTH", "the command is unknown"), ("STLS", "the command is unknown"), ("\xe9", "the command is unknown"),
        ("USER me", "you have logged in already"), ("STAT 1", "the number of arguments is wrong"),
        ("RETR", "the number of arguments is wrong"), ("TOP 1", "the number of arguments is wrong"),
        ("RETR 2", "there is no such message"), ("RETR 0", "there is no such message"),
        ("RETR -1", "the argument must be a number"), ("TOP 1 x", "the argument must be a number"),
        ("DELE x", "the argument must be a number"), ("UIDL " + "9" * 500, "the argument must be a number"),
    ],
)  # fmt: skip
def test_what_is_wrong(web, command, answer):
    web.keep(SMALL)
    client = Pop3Client(web)
    assert client.ask(command) == f"-ERR {answer}\r\n".encode()
    assert client.ask("NOOP") == b"+OK \r\n"


def test_before_the_login(web):
    client = Pop3Client(web, login=False)
    for command in ("STAT", "RETR 1", "QUIT x", "PASS x", "APOP me"):
        assert client.ask(command)[:5] == b"-ERR "
    found = client.ask("CAPA").split(b"\r\n")
    assert found[0][:3] == b"+OK"
    assert found[1:-2] == [
        b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"IMPLEMENTATION txsmtpx", b"USER"
    ]  # fmt: skip
    assert client.ask("QUIT") == b"+OK bye\r\n"


def test_the_user_name_is_a_mailbox(both):
    both.keep(SMALL, "ann@example.org")
    both.keep(b"", "bob@example.org")
    client = Pop3Client(both, login=False)
    assert client.ask("USER Ann@Example.org", "PASS ", "STAT")[-9:] == b"+OK 1 20\r\n"[-9:]


def test_a_login(web):
    client = Pop3Client(web, users(), login=False)
    assert client.ask("USER me", "PASS a secret")[-44:] == b"-ERR [AUTH] the name or the password is wrong\r\n"[-44:]
    assert client.ask("PASS a secret ") == b"-ERR send USER first\r\n"
    assert client.ask("USER me", "PASS a secret ", "STAT") == b"+OK send PASS\r\n+OK logged in\r\n+OK 0 0\r\n"


def test_apop(web):
    client = Pop3Client(web, users(), login=False)
    challenge = re.search(rb"<.*>", client.greeting)[0]
    digest = hashlib.md5(challenge + b"a secret ").hexdigest()
    assert client.ask(f"APOP me {digest}") == b"+OK logged in\r\n"
    assert Pop3Client(web, users(), login=False).ask(f"APOP me {digest}")[:12] == b"-ERR [AUTH] "
    other = Pop3Client(web, NoApop(), login=False)
    assert (other.greeting, other.ask("APOP a b")[:5]) == (b"+OK inbox\r\n", b"-ERR ")


def test_wrong_logins_end_the_connection(web):
    client = Pop3Client(web, users(), login=False)
    assert client.ask(*["USER me", "PASS x"] * 4).count(b"-ERR [AUTH]") == 3
    assert client.transport.disconnecting


@pytest.mark.parametrize("checker", [None, users()])
def test_other_hosts_need_a_login_and_tls(web, checker):
    client = Pop3Client(web, checker, "192.0.2.1", login=False)
    assert b"USER" not in client.ask("CAPA")
    assert client.ask("USER me", "PASS a secret ").startswith(b"-ERR [AUTH] ")
    digest = client.ask("APOP me x")
    assert digest.startswith(b"-ERR [AUTH] ")
    alsoProvides(client.transport, ISSLTransport)
    assert (client.ask("USER me", "PASS a secret ")[-15:] == b"+OK logged in\r\n") == (checker is not None)


def tls(web: Web) -> tuple[Pop3Client, list[object]]:
    """A client that may begin TLS, and the certificates with which it has begun."""
    certificate, started = object(), []
    factory = Pop3Factory(web.site.inbox, web.clock, users(), certificate)
    client = Pop3Client(web, factory=factory, host="192.0.2.1", login=False)

    def start(used: object) -> None:
        assert used is certificate
        started.append(used)
        alsoProvides(client.transport, ISSLTransport)

    client.transport.startTLS = start
    return client, started


def test_tls(web):
    client, started = tls(web)
    assert b"STLS\r\n" in client.ask("CAPA")
    assert client.ask("STLS") == b"+OK begin TLS\r\n"
    assert len(started) == 1
    assert b"STLS\r\n" not in client.ask("CAPA")
    assert client.ask("stls") == b"-ERR the connection has TLS already\r\n"
    assert client.ask("USER me", "PASS a secret ")[-15:] == b"+OK logged in\r\n"


def test_octets_behind_stls(web):
    client, started = tls(web)
    client.send(b"STLS\r\nNOOP")
    assert (client.transport.aborted, started) == (True, [])


def test_a_message_that_is_deleted_in_the_inbox(both):
    both.keep(SMALL)
    client = Pop3Client(both)
    both.ask("DELETE", "/api/messages/1")
    assert client.ask("RETR 1") == b"-ERR the message was deleted in the inbox\r\n"
    assert client.ask("DELE 1", "QUIT")[-9:] == b"+OK bye\r\n"


def test_a_message_that_is_deleted_meanwhile(both):
    both.keep(b"x" * 500_000)
    client = Pop3Client(both)
    client.send(b"RETR 1\r\n")
    both.ask("DELETE", "/api/messages/1")
    client.transport.read()
    both.clock.work()
    assert client.transport.aborted


def test_a_long_list_in_pieces(web):
    for _ in range(LINES + 5):
        web.keep(b"")
    answer = Pop3Client(web).ask("LIST")
    assert answer.count(b"\r\n") == LINES + 5 + 2
    assert answer.endswith(b"\r\n.\r\n")


def test_a_deletion_that_fails(web, monkeypatch, logged_failures):
    web.keep(SMALL)
    client = Pop3Client(web)

    def delete(numbers):
        raise OSError("disk")

    monkeypatch.setattr(web.site.inbox, "delete", delete)
    assert b"-ERR [SYS/TEMP] the messages are not deleted" in client.ask("DELE 1", "QUIT")
    assert client.transport.disconnecting
    assert len(logged_failures.flush(OSError)) == 1
