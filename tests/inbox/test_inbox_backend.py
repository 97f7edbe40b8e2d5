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
from tests.command.parsing import complaints, parsed
from tests.inbox.stored_messages import failing, result
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import StoreLimits
from txsmtpx.inbox.inbox_backend import InboxBackend
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.testing import Conversation

MAIL = (*SMTP, "RCPT TO:<b@localhost>", "DATA", "Subject: hi", "", "x", ".")


@pytest.mark.parametrize(("given", "limits"), [
    ("", StoreLimits(100_000, 10 * 1024**3)), (" max-messages=5", StoreLimits(5, 10 * 1024**3)),
    (" max-octets=5000 max-age=30d", StoreLimits(100_000, 5000, 30 * 86400)),
])  # fmt: skip
def test_limits(tmp_path, given, limits):
    (listener,) = parsed("--backend", f"inbox:{tmp_path}/a:b=c.db{given}").process.listeners
    backend = listener.chosen_backend
    assert isinstance(backend, InboxBackend)
    assert backend.one_process
    assert (backend._path, backend.store._writer._limits) == (f"{tmp_path}/a:b=c.db", limits)


@pytest.mark.parametrize(("argument", "why"), [
    ("inbox", "inbox needs the path of a file: inbox:PATH"), ("inbox:", "inbox needs the path of a file"),
    ("inbox:x.db max-messages=0", "max-messages must be"), ("inbox:x.db max-age=-1", "max-age must be"),
    ("inbox:x.db max-octets=many", "max-octets must be"), ("inbox:/nowhere/x.db", "there is no directory /nowhere"),
    ("inbox:x.db messages=5", "messages is not a setting"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused(tmp_path, monkeypatch, argument, why):
    monkeypatch.chdir(tmp_path)
    (line,) = complaints("--backend", argument)
    assert why in line


@pytest.mark.parametrize(("name", "value"), [("max_messages", 0), ("max_octets", 0), ("max_age", -1)])
def test_a_limit_is_more_than_nothing(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        InboxBackend(str(tmp_path / "x"), **{name: value})


def test_no_path():
    with pytest.raises(ValueError, match=r"inbox needs the path of a file: inbox:PATH, not 'x.x00'"):
        InboxBackend("x\0")


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
