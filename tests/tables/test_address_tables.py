"""Tables by their descriptions, and the new address that several of them give."""

from __future__ import annotations

import re

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent

from txsmtpx import MemoryBackend, RewriteBackend, SMTPError
from txsmtpx.middleware.rewrite import LOOKUP_FAILED_451
from txsmtpx.tables.address_tables import TableRewriting, address_table
from txsmtpx.tables.file_table import FileTable
from txsmtpx.tables.remote_table import RemoteTable
from txsmtpx.tables.table_codec import TableError
from txsmtpx.testing import Conversation, Outcome


class Asked(RemoteTable):
    """A table whose server has these values, in memory."""

    def __init__(self, **values: str):
        super().__init__("socketmap:unix:/run/map:virtual", reactor=MemoryReactorClock())
        self.values = values
        self.keys: list[str] = []
        self.failure: TableError | None = None

    def look_up(self, key: str) -> Deferred[str | None]:
        self.keys.append(key)
        return succeed(self.values.get(key)) if self.failure is None else fail(self.failure)


def found(tables, address: str) -> str | None:
    return Outcome(Deferred.fromCoroutine(TableRewriting(tables)(address))).result()


@pytest.fixture
def file(tmp_path):
    (tmp_path / "virtual").write_text("a@b c@d\n@old.example @new.example\n")
    return FileTable(str(tmp_path / "virtual"))


def test_the_kinds(tmp_path, file):
    assert isinstance(address_table(file.path), FileTable)
    reactor = MemoryReactorClock()
    for description in ("tcp:localhost:10001", "socketmap:unix:/run/map:virtual", "socketmap:tcp:127.0.0.1:1:x"):
        table = address_table(description, reactor)
        assert isinstance(table, RemoteTable)
        assert table.description == description


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("", "it is empty; write the path of a file, socketmap:ENDPOINT:NAME or tcp:HOST:PORT"),
        ("hash:/etc/postfix/virtual", "name the text file from which it is made; write /etc/postfix/virtual"),
        ("mysql:/etc/x.cf", "'mysql' is no kind of table; write the path of a file, socketmap:... or tcp:HOST:PORT"),
    ],
)
def test_what_is_no_table(description, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        address_table(description)


def test_the_first_table_that_has_the_address_counts(file):
    first, last = Asked(**{"x@b": "y@b"}), Asked(**{"a@b": "never@b", "z@b": "last@b"})
    assert found([first, file, last], "x@b") == "y@b"
    assert found([first, file, last], "A@b") == "c@d"
    assert last.keys == []
    assert found([first, file, last], "z@b") == "last@b"
    assert found([first, file, last], "nobody@b") is None


def test_a_server_is_asked_for_the_address_then_for_its_domain():
    table = Asked(**{"@example.org": "@example.net"})
    assert found([table], "Ann@Example.ORG") == "Ann@example.net"
    assert table.keys == ["Ann@Example.ORG", "ann@example.org", "@example.org"]
    table.keys.clear()
    assert found([table], "ann@other.example") is None
    assert table.keys == ["ann@other.example", "@other.example"]


@pytest.mark.parametrize("value", ["no address", "a@b, c@d", "", "joe", "a@b\r\nQUIT"])
def test_an_answer_that_is_no_address_defers(value):
    with capturedLogs() as events, pytest.raises(SMTPError) as raised:
        found([Asked(**{"a@b": value})], "a@b")
    assert raised.value.reply == LOOKUP_FAILED_451
    (event,) = events
    beginning = f"socketmap:unix:/run/map:virtual: no answer about a@b: the new address of a@b is {value!r} "
    assert formatEvent(event).startswith(beginning)


def test_a_failure_defers_the_mail_and_is_logged():
    table = Asked()
    table.failure = TableError("the server has replied TEMP no database")
    new = TableRewriting([table])
    client = Conversation(RewriteBackend(MemoryBackend(), sender=new, recipient=new))
    client.ask("EHLO client.example")
    with capturedLogs() as events:
        assert client.ask("MAIL FROM:<a@b>") == ["451 4.3.0 Temporary lookup failure"]
    logged = "socketmap:unix:/run/map:virtual: no answer about a@b: the server has replied TEMP no database"
    assert formatEvent(events[0]) == logged
    assert client.ask("MAIL FROM:<>") == ["250 2.1.0 Sender ok"]
    assert client.ask("RCPT TO:<a@b>") == ["451 4.3.0 Temporary lookup failure"]
    table.failure = None
    table.values = {"a@b": "c@d"}
    assert client.ask("RCPT TO:<a@b>")[0].startswith("250 ")
    client.hang_up()
