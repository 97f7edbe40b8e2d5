"""Errors that are replies: what they keep of a reply, and what they say of many."""

from __future__ import annotations

import copy
import pickle

import pytest

from txsmtpx.errors import (
    Delivered,
    Fault,
    ProtocolError,
    RecipientsRefused,
    SMTPError,
    auth_failed,
    auth_required,
    auth_unsupported,
    message_too_big,
)
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply


def test_all_refused_is_as_temporary_as_one_of_them_is():
    never, later = SMTPError(550, message="x", command="RCPT"), SMTPError(450, message="y", command="DATA")
    assert not RecipientsRefused([("a", never)]).temporary
    assert RecipientsRefused([("a", never), ("b", later)]).temporary
    assert [RecipientsRefused([("a", each)]).command for each in (never, later)] == ["RCPT", "DATA"]
    assert RecipientsRefused([("a", never), ("b", later)]).command == "DATA"
    error = RecipientsRefused([("a", never), ("b", later)])
    assert str(error) == "<a>: RCPT: 550 5.0.0 x; <b>: DATA: 450 4.0.0 y"
    assert [each for each, _ in pickle.loads(pickle.dumps(error)).refused] == ["a", "b"]
    lost = ProtocolError("x")
    lost.delivered = Delivered.MAYBE
    assert RecipientsRefused([("a", never), ("b", lost)]).delivered is Delivered.MAYBE


@pytest.mark.parametrize(("code", "enhanced", "temporary"), [(450, (4, 0, 0), True), (550, (5, 0, 0), False)])
def test_an_error_has_a_reply_and_its_codes(code, enhanced, temporary):
    error = SMTPError(code, None, "No\nand no", command="MAIL")
    assert error.reply == Reply(code, enhanced, "No", "and no")
    assert (error.code, error.enhanced_code, error.message) == (code, enhanced, "No\nand no")
    assert (error.temporary, error.command, error.fault) == (temporary, "MAIL", Fault.SERVER)
    assert error.args == (code, enhanced, "No\nand no")


def test_the_text_names_the_command_if_there_is_one():
    assert str(SMTPError(550, (5, 1, 1), "No such mailbox")) == "550 5.1.1 No such mailbox"
    assert str(SMTPError(550, (5, 1, 1), "No such mailbox", command="RCPT")) == "RCPT: 550 5.1.1 No such mailbox"


@pytest.mark.parametrize(("code", "enhanced"), [(199, None), (600, None), (550, (4, 1, 1))])
def test_codes_that_cannot_be(code, enhanced):
    with pytest.raises(ValueError, match=r"code|does not go with"):
        SMTPError(code, enhanced, "No")


@pytest.mark.parametrize(
    "reply",
    [Reply(452, (4, 5, 3), "Too many recipients"), Reply(550, None, "no code"), Reply(250, (2, 0, 0), "a", "b")],
)
def test_an_error_of_a_reply_keeps_it(reply):
    error = SMTPError.from_reply(reply, "RCPT")
    assert error.reply is reply
    assert (error.code, error.enhanced_code, error.message) == (reply.code, reply.enhanced_code, reply.text)
    assert error.command == "RCPT"


def test_copies_and_pickles_say_the_same():
    error = SMTPError.from_reply(Reply(550, None, "No", "and no"), "DATA")
    error.delivered = Delivered.MAYBE
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert again is not error
        assert (type(again), str(again), again.reply, again.command) == (SMTPError, str(error), error.reply, "DATA")
        assert again.delivered is Delivered.MAYBE


@pytest.mark.parametrize(
    ("make", "reply"),
    [
        (auth_required, replies.AUTH_FIRST_530),
        (auth_failed, replies.BAD_CREDENTIALS_535),
        (auth_unsupported, replies.NOT_OFFERED_502),
        (message_too_big, replies.TOO_BIG_552),
    ],
)
def test_no_two_connections_share_an_exception(make, reply):
    """Guarantee 21."""
    one, other = make(), make()
    assert one is not other
    assert one.reply is other.reply is reply
    assert one.command == ""


def test_the_list_of_refused_recipients_is_a_copy():
    error = RecipientsRefused(refused := [("a@example.org", SMTPError(550, command="RCPT"))])
    refused.clear()
    assert [recipient for recipient, _ in error.refused] == ["a@example.org"]
    assert (error.accepted, error.reply, error.code, error.delivered) == ((), None, None, Delivered.NO)
