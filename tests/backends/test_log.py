"""``log``: one line a message, which nothing in the message can forge."""

from __future__ import annotations

import encodings
import time

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from txsmtpx.backends.log import HEADER, log_backend, subject_of
from txsmtpx.observers.transaction_log import TransactionLog
from txsmtpx.testing import Conversation


@pytest.fixture
def lines():
    """What ``log`` logs, as text."""
    seen = []

    def observe(event):
        seen.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def say(body: bytes, recipients=("b@localhost",), sender="a@client.example", **settings):
    client = Conversation(log_backend(), **{"observers": [TransactionLog()], **settings})
    client.ask("EHLO a", f"MAIL FROM:<{sender}>", *[f"RCPT TO:<{each}>" for each in recipients], "DATA")
    client.send(body + b".\r\n")
    (answer,) = client.replies()
    client.hang_up()
    assert answer.startswith("250 2.0.0 Ok: queued as ")
    return answer.rpartition(" ")[2]


def test_one_line_a_message(lines):
    queue_id = say(b"Subject: Hello\r\nX: y\r\n\r\nbody\r\n", ["b@localhost", "c@localhost"])
    (line,) = lines
    assert f" queue={queue_id} " in line
    assert " from=<a@client.example> to=<b@localhost>,<c@localhost> " in line
    assert " octets=30 " in line
    assert line.endswith(" subject=Hello")
    say(b"", sender="")
    assert " from=<> to=<b@localhost> " in lines[1]
    assert lines[1].endswith(" subject=")


def test_where_nobody_sums_up_it_is_a_line_all_the_same(lines):
    queue_id = say(b"Subject: Hello you\r\n\r\n", observers=[])
    (line,) = lines
    assert f" queue={queue_id} from=<a@client.example> to=<b@localhost> octets=22 subject=\"Hello you\"" in line


def test_many_recipients_are_not_all_named(lines):
    say(b"", [f"b{n}@localhost" for n in range(25)])
    assert "<b9@localhost> recipients=25 " in lines[0]
    assert "b10@" not in lines[0]


def test_a_subject_makes_no_line_of_its_own(lines):
    say(b"Subject: =?utf-8?q?a=0Ab=1B[2J?=\r\n\r\n")
    assert len(lines[0].splitlines()) == 1
    assert "\x1b" not in lines[0]


def test_the_beginning_of_a_large_message_will_do(lines):
    say(b"X: " + b"x" * 60 + b"\r\n" + b"Subject: found\r\n\r\n" + b"y" * 500_000 + b"\r\n")
    assert lines[0].endswith(" subject=found")


@pytest.mark.parametrize("word", [b"=?a?q?b?=", b"=?a?q?", b"=?", b"=?utf-8?b?", b"=?utf-8?q?=3D?= "])
def test_a_subject_made_to_be_slow(word):
    """It took Python's email package 2.6 to 6 seconds, and 211 MiB."""
    began = time.process_time()
    subject_of(b"Subject: " + word * (HEADER // len(word)) + b"\r\n\r\n")
    assert time.process_time() - began < 0.25


def test_charsets_of_a_subject_are_not_kept():
    before = len(encodings._cache)
    assert subject_of(b"Subject: " + b" ".join(b"=?x-nobody-%d?q?b?=" % each for each in range(1000))) == "b" * 1000
    assert len(encodings._cache) == before


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"X-Trace : y\r\nSubject : obsolete\r\n", "obsolete"),
        (b"Subject: plain\r\n", "plain"),
        (b"SUBJECT: loud\r\n", "loud"),
        (b"Subject: =?utf-8?b?SsO8cmdlbg==?=\r\n", "Jürgen"),
        (b"Subject: folded\r\n over two\r\n", "folded over two"),
        (b"Subject: \xff\xfe octets\r\n", None),
        (b"Subject: =?utf-8?b?broken\r\n", None),
        (b"Subject: =?nonsense?q?=FF?=\r\n", None),
        (b"Subject:\r\n", ""),
        (b"From: a\r\n", ""),
        (b"no header at all", ""),
        (b"", ""),
    ],
)
def test_subject_of(header, subject):
    found = subject_of(header + b"\r\nSubject: in the body\r\n")
    assert isinstance(found, str)
    assert "in the body" not in found
    if subject is not None:
        assert found == subject
