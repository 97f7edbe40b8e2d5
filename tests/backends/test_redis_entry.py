"""A message as an entry of a stream, and back."""

from __future__ import annotations

import pytest

from tests.consume.queue import envelope
from txsmtpx.backends.redis_entry import attempts_in, changes_of, entry_of, envelope_of, text_in


def read(entry):
    """An entry as Redis returns it."""
    return {name: value if isinstance(value, bytes) else value.encode() for name, value in entry.items()}


@pytest.mark.parametrize("sender", ["", "ann@example.org", "bücher@example.org"])
def test_there_and_back(sender):
    sent = envelope("a@example.net", "\xfc@example.net", sender=sender, username="me")
    entry = entry_of(sent, b"\xff\r\n", "")
    assert envelope_of(read(entry)) == sent
    assert entry["content"] == b"\xff\r\n"
    assert entry["id"] == "3fa9c1@mx.example.net"
    assert "body_file" not in entry


def test_a_body_in_a_file():
    entry = entry_of(envelope(), b"", "name")
    assert (entry["body_file"], "content" in entry) == ("name", False)
    assert envelope_of(read(entry)) == envelope()


def test_no_body_is_taken_for_text():
    assert envelope_of(read(entry_of(envelope(), b"\xff" * 9, ""))) == envelope()


@pytest.mark.parametrize("entry", [{}, {"queue_id": b"x"}, {"sender": b"\xff"}])
def test_what_is_no_message(entry):
    with pytest.raises(ValueError, match=r"the envelope lacks|codec can't decode"):
        envelope_of(entry)


@pytest.mark.parametrize(
    ("text", "attempts"), [(b"3", 3), (b"", 0), (b"x", 0), (b"-1", 0), (b"\xff", 0), (b"9" * 20, 0), (b"1e3", 0)]
)
def test_attempts(text, attempts):
    assert attempts_in({"attempts": text}) == attempts


def test_a_field_that_is_missing():
    assert (attempts_in({}), text_in({}, "id")) == (0, "")


def test_what_changes_after_a_failed_attempt():
    left = envelope("b@example.net")
    changed = changes_of(left, "452 Full", 2)
    assert (changed["attempts"], changed["reason"]) == ("2", "452 Full")
    assert envelope_of(read({**entry_of(envelope("a@example.net", "b@example.net"), b"", ""), **changed})) == left
