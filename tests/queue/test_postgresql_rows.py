"""Placeholders of psycopg, and pieces of a body."""

from __future__ import annotations

from pathlib import Path

from txsmtpx.queue import postgresql_rows
from txsmtpx.queue.postgresql_rows import PIECE, named, where
from txsmtpx.queue.queued_mail import Selection


def test_placeholders_are_those_of_psycopg() -> None:
    assert named("due = :now AND owner = ''") == "due = %(now)s AND owner = ''"
    text, values = where(Selection(["q1"], recipient="@example.net"))
    assert text == (
        "TRUE AND mail.id = ANY(%(ids)s)"
        " AND lower(right(recipient.address, length(%(recipient)s))) = lower(%(recipient)s)"
    )
    assert values == {"ids": ["q1"], "recipient": "@example.net"}


def test_a_body_comes_in_pieces(tmp_path: Path) -> None:
    octets = bytes(range(256)) * 1025
    (tmp_path / "body").write_bytes(octets)
    pieces = list(postgresql_rows._pieces("body", tmp_path))
    assert [len(each) for each in pieces] == [PIECE, len(octets) - PIECE]
    assert b"".join(pieces) == octets
    assert list(postgresql_rows._pieces(b"short", tmp_path)) == [b"short"]
