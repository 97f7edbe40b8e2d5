"""The tables of a queue in PostgreSQL, in a schema of their own."""

from __future__ import annotations

VERSION = 1
"""The version of the tables."""

CHANNEL = "txsmtpx_queue"
"""The channel of NOTIFY, by which processes learn that a recipient may be due."""

LOCK = 0x74785351
"""The advisory lock of the process that creates the tables."""

TABLES = """
CREATE SCHEMA txsmtpx_queue;
CREATE TABLE txsmtpx_queue.version (version integer NOT NULL);
CREATE TABLE txsmtpx_queue.mail (
    number bigserial PRIMARY KEY,
    id text NOT NULL UNIQUE,
    sender text NOT NULL,
    envelope text NOT NULL,
    received double precision NOT NULL,
    expires double precision NOT NULL,
    priority integer NOT NULL,
    size bigint NOT NULL
);
CREATE TABLE txsmtpx_queue.content (
    mail bigint NOT NULL,
    piece integer NOT NULL,
    octets bytea NOT NULL,
    PRIMARY KEY (mail, piece)
);
ALTER TABLE txsmtpx_queue.content ALTER COLUMN octets SET STORAGE EXTERNAL;
CREATE TABLE txsmtpx_queue.recipient (
    mail bigint NOT NULL,
    number integer NOT NULL,
    address text NOT NULL,
    destination text NOT NULL,
    priority integer NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due double precision NOT NULL,
    owner text NOT NULL DEFAULT '',
    reply text NOT NULL DEFAULT '',
    server text NOT NULL DEFAULT '',
    delay_reported boolean NOT NULL DEFAULT false,
    PRIMARY KEY (mail, number)
);
CREATE INDEX ready ON txsmtpx_queue.recipient (priority, due, mail, destination) WHERE state = 'waiting';
CREATE INDEX timed ON txsmtpx_queue.recipient (due) WHERE state = 'waiting';
"""
"""
The statements that create the tables.

`content` has a message in pieces, so neither a server nor a delivery needs all of it in memory.
"""
