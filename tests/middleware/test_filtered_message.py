"""The content of a message on its way through filters, which change what they mean to change (guarantee 24)."""

from __future__ import annotations

import pytest

from tests.middleware.scripted_filter import MESSAGE, Filtered, Script
from tests.wire.replies import codes
from txsmtpx import (
    Accept,
    AddHeader,
    DeleteHeader,
    Discard,
    InsertHeader,
    MemoryBackend,
    RejectRecipient,
    ReplaceBody,
    ReplaceHeader,
    Reply,
)
from txsmtpx.middleware import filtered_message as module
from txsmtpx.testing import RecordingBackend, cut_at, one_by_one, whole

FORGED = (
    b"Authentication-Results: mx.example; dkim=pass\r\n\t(forged)\r\nSubject:  two spaces\r\n"
    b"AUTHENTICATION-RESULTS:mx.example; spf=pass\r\nDKIM-Signature: v=1;\r\n\tb=abc=\r\nX : odd\r\n\r\nbody \r\n\r\n"
)
CHANGES = [
    DeleteHeader("authentication-results"),
    InsertHeader(0, "Authentication-Results", b" mx.localhost;\r\n\tdkim=none"),
    AddHeader("X-Last", "yes"),
    ReplaceHeader("x", b" new"),
]
CHANGED = (
    b"Authentication-Results: mx.localhost;\r\n\tdkim=none\r\nSubject:  two spaces\r\n"
    b"DKIM-Signature: v=1;\r\n\tb=abc=\r\nx: new\r\nX-Last: yes\r\n\r\nbody \r\n\r\n"
)
segmented = pytest.mark.parametrize("segments", [whole, one_by_one, *map(cut_at, range(1, len(FORGED), 5))])


def sent(filtered, message, segments=whole):
    filtered.begin()
    for segment in segments(message + b".\r\n", 0):
        filtered.client.send(segment)
    return filtered.client.replies()


@pytest.mark.parametrize(
    ("stage", "hold"), [("data", False), ("header", False), ("data", True), ("header", True), ("end", True)]
)
@segmented
def test_the_header_is_changed_and_nothing_else(stage, hold, segments):
    script = Script(**{stage: Accept(changes=CHANGES)})
    filtered = Filtered(memory := MemoryBackend(), script, hold=hold)
    assert codes(sent(filtered, FORGED, segments)) == ["250"]
    assert [each.content for each in memory.messages] == [CHANGED]
    assert script.only.message == (FORGED if stage != "data" else CHANGED)
    filtered.client.hang_up()


@pytest.mark.parametrize("hold", [False, True])
@segmented
def test_nothing_is_changed(hold, segments):
    scripts = [Script(), Script(holds=True), Script()]
    filtered = Filtered(memory := MemoryBackend(), *scripts, hold=hold or None)
    assert codes(sent(filtered, FORGED, segments)) == ["250"]
    assert [each.content for each in memory.messages] == [FORGED]
    assert [each.only.message for each in scripts] == [FORGED] * 3
    filtered.client.hang_up()


@segmented
def test_a_filter_sees_what_those_before_it_have_changed(segments):
    """At the header in any case; at the end, if the filter before holds the message."""
    first = Script(header=Accept([("X-1", "a")]))
    second = Script(holds=True, header=Accept([("X-2", "a")]), end=Accept(changes=CHANGES))
    third = Script(header=Accept([("X-3", "a")]))
    filtered = Filtered(memory := MemoryBackend(), first, second, third)
    assert codes(sent(filtered, FORGED, segments)) == ["250"]
    assert first.only.message == FORGED
    assert second.only.message == b"X-1: a\r\n" + FORGED
    inserted = CHANGED.index(b"Subject:")
    changed = CHANGED[:inserted] + b"X-2: a\r\nX-1: a\r\n" + CHANGED[inserted:]
    assert third.only.message == changed
    assert dict(third.only.seen[6][1:])["X-Last"] == "yes"
    assert [each.content for each in memory.messages] == [b"X-3: a\r\n" + changed]
    assert [each.only.stages for each in (first, second, third)] == [
        ["connected", "hello", "mail", "recipient", "recipient", "data", "header", "end", "reset"],
    ] * 3  # fmt: skip
    filtered.client.hang_up()


@pytest.mark.parametrize(
    ("message", "body", "expected"),
    [
        (MESSAGE, b"new\r\n", b"Subject: x\r\nTo: b@localhost\r\n\r\nnew\r\n"),
        (MESSAGE, b"", b"Subject: x\r\nTo: b@localhost\r\n\r\n"),
        (b"Subject: x\r\n", b"new\r\n", b"Subject: x\r\n\r\nnew\r\n"),
        (b"", b"new: no field\r\n", b"\r\nnew: no field\r\n"),
        (b"no header\r\n", b"new: no field\r\n", b"\r\nnew: no field\r\n"),
        (b"\r\nno header\r\n", b"new\r\n", b"\r\nnew\r\n"),
    ],
)
@pytest.mark.parametrize("segments", [whole, one_by_one])
def test_the_body_is_replaced(message, body, expected, segments):
    script = Script(holds=True, end=Accept([("X", "y")], [ReplaceBody(body)]))
    filtered = Filtered(memory := MemoryBackend(), script, behind := Script())
    assert codes(sent(filtered, message, segments)) == ["250"]
    assert [each.content for each in memory.messages] == [b"X: y\r\n" + expected]
    assert behind.only.message == b"X: y\r\n" + expected
    filtered.client.hang_up()


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", b"X: y\r\n"),
        (b"\r\n", b"X: y\r\n\r\n"),
        (b"no header\r\n", b"X: y\r\n\r\nno header\r\n"),
        (b" a blank first\r\n", b"X: y\r\n\r\n a blank first\r\n"),  # which would continue the new field
        (b"\r\nbody\r\n", b"X: y\r\n\r\nbody\r\n"),
        (b"A: b\r\n", b"X: y\r\nA: b\r\n"),
        (b"A: b\r\nbody\r\n", b"X: y\r\nA: b\r\nbody\r\n"),
        (b"From a@b.example\r\nA: b\r\n\r\n", b"From a@b.example\r\nX: y\r\nA: b\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("segments", [whole, one_by_one])
def test_a_field_for_odd_messages(hold, message, expected, segments):
    filtered = Filtered(memory := MemoryBackend(), Script(header=Accept([("X", "y")])), hold=hold)
    assert codes(sent(filtered, message, segments)) == ["250"]
    assert [each.content for each in memory.messages] == [expected]
    filtered.client.hang_up()


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize(
    "change", [DeleteHeader("X"), AddHeader("X", "y"), ReplaceHeader("X", "y"), InsertHeader(1, "X", "y")]
)
@pytest.mark.parametrize("message", [b"A: " + b"x" * 1990 + b"\r\nX: forged\r\n\r\n", b"a: b\r\n" * 2001 + b"\r\n"])
def test_a_header_that_is_too_long_to_be_changed(hold, change, message, monkeypatch):
    monkeypatch.setattr(module, "HEADER", 1000 if len(message) < 3000 else 100000)
    filtered = Filtered(memory := MemoryBackend(), Script(header=Accept(changes=[change])), hold=hold)
    assert sent(filtered, message) == ["552 5.3.4 The header of the message is too long"]
    assert memory.messages == []
    filtered.client.hang_up()


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("segments", [whole, one_by_one])
def test_a_long_header_gets_fields_before_it(hold, segments, monkeypatch):
    monkeypatch.setattr(module, "HEADER", 1000)
    message = b"A: " + b"x" * 990 + b"\r\nB: c\r\n\r\nbody\r\n"
    filtered = Filtered(memory := MemoryBackend(), Script(header=Accept([("X", "y")])), hold=hold)
    assert codes(sent(filtered, message, segments)) == ["250"]
    assert [each.content for each in memory.messages] == [b"X: y\r\n" + message]
    filtered.client.hang_up()


def test_a_header_as_long_as_is_read(monkeypatch):
    message = b"A: " + b"x" * 93 + b"\r\n\r\nbody\r\n"
    monkeypatch.setattr(module, "HEADER", 100)
    filtered = Filtered(memory := MemoryBackend(), Script(header=Accept(changes=[AddHeader("X", "y")])))
    assert codes(sent(filtered, message)) == ["250"]
    assert memory.messages[0].content == message.replace(b"\r\n\r\n", b"\r\nX: y\r\n\r\n")
    filtered.client.hang_up()


def test_a_change_at_the_end_needs_a_filter_that_holds(logged_failures):
    """Also where another filter holds the message: those behind have seen it already."""
    late = Script(end=Accept([("X", "y")]))
    filtered = Filtered(memory := MemoryBackend(), late, Script(holds=True))
    assert codes(filtered.send()) == ["451"]
    assert memory.messages == []
    filtered.client.hang_up()
    (failure,) = logged_failures.flush(TypeError)
    assert "needs FilterBackend(..., hold=True)" in str(failure.value)


@pytest.mark.parametrize(
    "verdict",
    [Reply(550, None, "No"), Discard(), Accept(changes=[RejectRecipient("b@localhost", Reply(550, None, "No"))])],
)
def test_what_is_held_is_deleted(verdict):
    filtered = Filtered(MemoryBackend(), Script(end=verdict), hold=True)
    filtered.begin()
    filtered.client.send(MESSAGE)
    look = filtered.client.protocol.dialog.session._look
    filtered.client.send(b".\r\n")
    assert look._file.closed
    filtered.client.hang_up()


def test_what_is_held_is_deleted_if_the_client_goes():
    filtered = Filtered(MemoryBackend(), Script(), hold=True)
    filtered.begin()
    filtered.client.send(MESSAGE)
    look = filtered.client.protocol.dialog.session._look
    filtered.client.hang_up()
    assert look._file.closed


def test_a_backend_that_reads_in_its_own_time():
    """`data` is over, and the message is read by what it has started."""
    recording = RecordingBackend()
    recording.outcomes["data"] = lambda message, context: context.start_delivery(0, recording.keep(message, context))
    filtered = Filtered(recording, Script(header=Accept([("X", "y")])), hold=True)
    assert codes(filtered.send()) == ["250"]
    assert [each.content for each in recording.messages] == [b"X: y\r\n" + MESSAGE]
    filtered.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_by_bdat(lmtp):
    filtered = Filtered(memory := MemoryBackend(), Script(end=Accept(changes=CHANGES)), hold=True, lmtp=lmtp)
    filtered.client.ask("LHLO a" if lmtp else "EHLO a", "MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>")
    for at in range(0, len(FORGED), 7):
        piece = FORGED[at : at + 7]
        filtered.client.send(b"BDAT %d\r\n" % len(piece) + piece)
    filtered.client.send(b"BDAT 0 LAST\r\n")
    assert codes(filtered.client.replies())[-1] == "250"
    assert [each.content for each in memory.messages] == [CHANGED]
    filtered.client.hang_up()


def test_a_message_by_bdat_without_a_line_end():
    filtered = Filtered(memory := MemoryBackend(), Script(header=Accept(changes=[AddHeader("X", "y")])), hold=True)
    filtered.client.ask("EHLO a", "MAIL FROM:<a@b.example>", "RCPT TO:<b@localhost>")
    filtered.client.send(b"BDAT 4 LAST\r\nA: b")
    assert codes(filtered.client.replies())[-1] == "250"
    assert memory.messages[0].content == b"A: b\r\nX: y\r\n"
    filtered.client.hang_up()


def test_several_messages_in_a_connection():
    script = Script(holds=True, end=Accept(changes=CHANGES))
    filtered = Filtered(memory := MemoryBackend(), script)
    for _ in range(3):
        assert codes(sent(filtered, FORGED)) == ["250"]
    assert [each.content for each in memory.messages] == [CHANGED] * 3
    filtered.client.hang_up()
    assert script.only.stages.count("reset") == 3
