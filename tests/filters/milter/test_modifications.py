"""What the modifications of a milter change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.values import MODIFICATION
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.modifications import changes_of
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import change


@pytest.mark.parametrize(("asked", "changes"), [
    (replies.AddHeader(b"X", b"a\n b"), change.AddHeader("X", b" a\r\n b")),
    (replies.InsertHeader(0, b"X", b"a"), change.InsertHeader(0, "X", b" a")),
    (replies.InsertHeader(1, b"X", b"a"), change.InsertHeader(0, "X", b" a")),
    (replies.InsertHeader(5, b"X", b"a"), change.InsertHeader(4, "X", b" a")),
    (replies.ChangeHeader(1, b"X", b"a"), change.ReplaceHeader("X", b" a")),
    (replies.ChangeHeader(0, b"X", b"a"), change.ReplaceHeader("X", b" a")),
    (replies.ChangeHeader(3, b"X", b"\xff"), change.ReplaceHeader("X", b" \xff", 3)),
    (replies.ChangeHeader(0, b"X", b""), change.DeleteHeader("X", 1)),
    (replies.ChangeHeader(2, b"X", b""), change.DeleteHeader("X", 2)),
    (replies.ChangeSender(b"<a@b.example>"), change.ChangeSender("a@b.example")),
    (replies.ChangeSender(b"<>"), change.ChangeSender("")),
    (replies.ChangeSender(b""), change.ChangeSender("")),
    (replies.ChangeSender(b"a@b.example", b"SIZE=5 RET=HDRS"),
     change.ChangeSender("a@b.example", MailOptions(size=5, ret="HDRS"))),
    (replies.AddRecipient(b"<a@b.example>"), change.AddRecipient("a@b.example")),
    (replies.AddRecipient("ü@b.example".encode()), change.AddRecipient("ü@b.example")),
    (replies.AddRecipientWithArguments(b"a@b.example", b"NOTIFY=NEVER"),
     change.AddRecipient("a@b.example", RcptOptions(notify=()))),
    (replies.AddRecipientWithArguments(b"a@b.example"), change.AddRecipient("a@b.example", RcptOptions())),
    (replies.DeleteRecipient(b"<a@b.example>"), change.DeleteRecipient("a@b.example")),
    (replies.Quarantine(b"bad \xff"), change.Quarantine("bad \ufffd")),
])  # fmt: skip
def test_a_modification(asked, changes):
    assert changes_of([asked], leading_space=False) == (changes,)


def test_with_the_leading_space():
    assert changes_of([replies.AddHeader(b"X", b" a")], leading_space=True) == (change.AddHeader("X", b" a"),)


def test_the_pieces_of_a_body_are_one_change():
    asked = [replies.ReplaceBody(b"a"), replies.AddHeader(b"X", b"y"), replies.ReplaceBody(b"b\r\n")]
    assert changes_of(asked, False) == (change.ReplaceBody(b"ab\r\n"), change.AddHeader("X", b" y"))


def test_the_place_of_inserted_fields():
    """
    The milter counts a Received field that the message does not have yet.

    What it puts above that field is above all; what it puts below is below what it has put above.
    """
    places = [changes_of([replies.InsertHeader(index, b"X", b"")], False)[0].index for index in (0, 1, 2)]
    assert places == [0, 0, 1]
    asked = [replies.InsertHeader(index, b"X", b"") for index in (0, 1, 2, 3)]
    assert [each.index for each in changes_of(asked, False)] == [0, 1, 2, 3]
    asked = [replies.InsertHeader(index, b"X", b"") for index in (1, 1, 0, 2, 5)]
    assert [each.index for each in changes_of(asked, False)] == [0, 0, 0, 1, 4]


@pytest.mark.parametrize(("asked", "text"), [
    (replies.AddHeader(b"", b"a"), "AddHeader: AddHeader: not the name of a header field: ''"),
    (replies.AddHeader(b"X Y", b"a"), "AddHeader: AddHeader: not the name of a header field: 'X Y'"),
    (replies.AddHeader(b"X", b"a\nEvil: yes"), "AddHeader: "),
    (replies.ChangeHeader(1, b"\xff", b""), "ChangeHeader: DeleteHeader: not the name"),
    (replies.AddRecipient(b"\xff@b.example"), "AddRecipient: 'utf-8' codec"),
    (replies.AddRecipient(b"<>"), "AddRecipient: AddRecipient: address must not be empty"),
    (replies.AddRecipient(b"<a@b.example> c"), "AddRecipient: text behind the address 'a@b.example'"),
    (replies.AddRecipient(b"a@b.example>\r\nRCPT TO:<c@d.example"), "AddRecipient: "),
    (replies.ChangeSender(b"<a@b.example>", b"X-EVIL=1"), "ChangeSender: X-EVIL"),
    (replies.AddRecipientWithArguments(b"<a@b.example>", b"NOTIFY=SOMETIMES"), "AddRecipientWithArguments: NOTIFY"),
])  # fmt: skip
def test_what_cannot_be_done(asked, text):
    with pytest.raises(MilterProtocolError, match=f"^{text}"):
        changes_of([asked], False)


@given(st.lists(MODIFICATION, max_size=4), st.booleans())
def test_any_modifications(asked, leading_space):
    """They are changes, or a protocol error, and never another exception."""
    try:
        changes = changes_of(asked, leading_space)
    except MilterProtocolError:
        return
    bodies = sum(isinstance(each, replies.ReplaceBody) for each in asked)
    assert len(changes) == len(asked) - max(bodies - 1, 0)
