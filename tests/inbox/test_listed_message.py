"""A message in a list, and in the database."""

from __future__ import annotations

from txsmtpx.backends.received import CompressedRecipients
from txsmtpx.inbox.listed_message import ListedMessage

ONE = ListedMessage(7, "Q", "2025-06-15", "me@x", ["you@x"], "Me <me@x>", "Me", "you@x", "",
                    "S\u00fc\ud800", "b", 5, 1, ["t"], ["tag:t"], True)  # fmt: skip


def test_it_comes_back_from_the_database():
    assert ListedMessage.deserialized(7, True, ONE.serialized()) == ONE
    assert ListedMessage.deserialized(8, False, ONE.serialized()).read is False
    assert ONE.serialized().isascii()


def test_many_recipients_come_back_as_a_list():
    many = ListedMessage(**(vars(ONE) | {"rcpt_to": CompressedRecipients(["a@x", "b@x"])}))
    assert ListedMessage.deserialized(7, True, many.serialized()).rcpt_to == ["a@x", "b@x"]
    assert many.as_json()["recipients"] == ["a@x", "b@x"]
