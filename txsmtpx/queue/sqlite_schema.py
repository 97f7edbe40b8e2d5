"""The tables of a queue in a file of SQLite."""

from __future__ import annotations

from txsmtpx.stores.sqlite_file import SQLiteSchema

SCHEMA = SQLiteSchema(
    0x74785351,  # txSQ in ASCII
    1,
    """
CREATE TABLE mail (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    envelope TEXT NOT NULL,
    received REAL NOT NULL,
    expires REAL NOT NULL,
    priority INTEGER NOT NULL,
    size INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE content (mail INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE recipient (
    mail INTEGER NOT NULL,
    number INTEGER NOT NULL,
    address TEXT NOT NULL,
    destination TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    owner TEXT NOT NULL DEFAULT '',
    reply TEXT NOT NULL DEFAULT '',
    server TEXT NOT NULL DEFAULT '',
    delay_reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mail, number)
) WITHOUT ROWID;
CREATE INDEX ready ON recipient (priority, due, mail, destination) WHERE state = 'waiting';
CREATE INDEX timed ON recipient (due, destination) WHERE state = 'waiting';
""",
)
"""
The tables, and their marks.

`body` is the name of a file in the directory of bodies; if it is empty, `content` has the octets.  `owner` is the
process that has leased a recipient, and `due` the end of its lease.
"""
