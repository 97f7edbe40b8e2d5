"""The backend ``inbox:PATH``: its arguments and its replies."""

from __future__ import annotations

import signal
import smtplib
import sqlite3
import threading

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.logger import capturedLogs, formatEvent

from tests.backends.disk import SMTP
from tests.inbox.stored_messages import failing, result
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.backends.plugins import backend_named
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import StoreLimits
from txsmtpx.inbox.inbox_backend import MAX_MESSAGES, MAX_OCTETS, InboxBackend, inbox_backend
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.testing import Conversation

MAIL = (*SMTP, "RCPT TO:<b@localhost>", "DATA", "Subject: hi", "", "x", ".")


@pytest.mark.parametrize(("given", "limits"), [
    ("", StoreLimits(MAX_MESSAGES, MAX_OCTETS)), (":messages=5", StoreLimits(5, MAX_OCTETS)),
    (":octets=2G:age=30d", StoreLimits(MAX_MESSAGES, 2 * 10**9, 30 * 86400)),
    (":age=90s:octets=5000:messages=1", StoreLimits(1, 5000, 90)),
])  # fmt: skip
def test_limits(tmp_path, given, limits):
    backend = backend_named(f"inbox:{tmp_path}/a:b=c.db{given}")
    assert isinstance(backend, InboxBackend)
    assert backend.one_process
    assert (backend._path, backend.store._writer._limits) == (f"{tmp_path}/a:b=c.db", limits)


@pytest.mark.parametrize(("argument", "why"), [
    ("", "inbox needs the path of a file: inbox:PATH"), (":messages=5", "inbox needs the path"),
    ("x.db:messages=0", "messages needs a number, 1 or more, such as messages=5000, not '0'"),
    ("x.db:messages=5K", "messages needs a number"),
    ("x.db:octets=", "octets needs a number, 1 or more, such as octets=2G"),
    ("x.db:age=30", "age needs a number, 1 or more, such as age=30d, not '30'"), ("x.db:age=d", "age needs a number"),
    ("x.db:age=1d:age=2d", "the limit age is given twice"), ("x.db:octets=" + "9" * 100, "octets needs a number"),
    ("/nowhere/x.db", "there is no directory /nowhere"), ("x\0", "inbox needs the path"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused(tmp_path, monkeypatch, argument, why):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=why):
        inbox_backend(argument)


@pytest.mark.parametrize("name", ["max_messages", "max_octets", "max_age"])
def test_a_limit_is_at_least_one(tmp_path, name):
    with pytest.raises(ValueError, match=f"{name}: 1 or more, not 0"):
        InboxBackend(str(tmp_path / "x"), **{name: 0})


def test_250_means_stored(tmp_path):
    path = str(tmp_path / "mail.db")
    backend = InboxBackend(path, in_thread=maybeDeferred, now=lambda: 5.0)
    backend.check()
    client = Conversation(backend)
    assert client.ask(*MAIL)[-1].startswith("250 2.0.0 Ok: queued as ")
    reader = DatabaseReader(path)
    assert (reader.message(1).content, reader.message(1).arrived) == (b"Subject: hi\r\n\r\nx\r\n", 5.0)
    reader.close()
    assert result(backend.store.numbers(SearchQuery("hi"))) == [1]
    backend.store.close()


@pytest.mark.parametrize(("code", "reply"), [
    (sqlite3.SQLITE_FULL, "452 4.3.1 Insufficient system storage"), (sqlite3.SQLITE_IOERR, "451 4.3.0 "),
])  # fmt: skip
def test_a_failure_is_temporary_and_logged(tmp_path, code, reply):
    backend = InboxBackend(str(tmp_path / "mail.db"), in_thread=maybeDeferred)
    error = sqlite3.OperationalError("secret words")
    error.sqlite_errorcode = code
    backend.store._groups._in_thread = failing(error)
    client = Conversation(backend)
    with capturedLogs() as log:
        said = client.ask(*MAIL)[-1]
    assert said.startswith(reply)
    assert "secret" not in said
    assert any("cannot store: secret words" in formatEvent(event) for event in log)


def test_nothing_acknowledged_is_lost_with_the_server(tmp_path):
    """SIGKILL while clients send; the next server shows everything that was acknowledged."""
    options = ("--port", LOCAL, "--backend", "inbox:mail.db", "--web", LOCAL)
    acknowledged: list[str] = []

    def send(port: int, name: str) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", port) as client:
                for number in range(10_000):
                    text = f"Subject: {name}{number}\r\n\r\n" + "x" * (number % 7 * 1000)
                    client.sendmail("a@example.org", "b@example.net", text)
                    acknowledged.append(f"{name}{number}")
        except (smtplib.SMTPException, OSError):
            pass

    for round in range(3):
        with Twistd(tmp_path, *options, log=f"log{round}") as server:
            port = int(server.ports(2)[0])
            threads = [threading.Thread(target=send, args=(port, f"r{round}c{n}n")) for n in range(3)]
            for thread in threads:
                thread.start()
            before = len(acknowledged)
            server.eventually(lambda before=before: len(acknowledged) > before + 30)
            server.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    reader = DatabaseReader(str(tmp_path / "mail.db"))
    numbers = reader.numbers(SearchQuery(""), 0, True)
    stored = {reader.message(number).content.split(b"\r\n")[0].decode()[9:] for number in numbers}
    assert set(acknowledged) <= stored
    assert all(len(reader.numbers(SearchQuery(f"subject:{each}"), 0, True)) >= 1 for each in acknowledged)
    reader.close()
