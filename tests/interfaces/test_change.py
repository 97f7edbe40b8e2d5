"""A change of the envelope is checked when it is made."""

from __future__ import annotations

import pytest

from txsmtpx import (
    AddRecipient,
    ChangeSender,
    DeleteRecipient,
    MailOptions,
    Quarantine,
    RcptOptions,
    RejectRecipient,
    Reply,
)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ChangeSender(None), TypeError, "ChangeSender: address must be a str, not None"),
        (
            lambda: ChangeSender("a@b.example>\r\nRSET"),
            ValueError,
            "ChangeSender: address 'a@b.example>.*not a mailbox",
        ),
        (lambda: ChangeSender("a@b.example", {}), TypeError, "ChangeSender: options must be MailOptions or None"),
        (lambda: AddRecipient(""), ValueError, "AddRecipient: address must not be empty"),
        (lambda: AddRecipient("Ann <a@b.example>"), ValueError, "AddRecipient: address .*write 'a@b.example'"),
        (lambda: AddRecipient("a@b.example", MailOptions()), TypeError, "AddRecipient: options must be RcptOptions"),
        (lambda: DeleteRecipient("b"), ValueError, "DeleteRecipient: address 'b': not a mailbox"),
        (lambda: RejectRecipient("b@c.example", 550), TypeError, "RejectRecipient: reply must be a Reply, not 550"),
        (
            lambda: RejectRecipient("b@c.example", Reply(250, (2, 0, 0), "Ok")),
            ValueError,
            "RejectRecipient: reply must be 4xx or 5xx, not 250 2.0.0 Ok",
        ),
        (lambda: Quarantine(None), TypeError, "Quarantine: reason must be a str, not None"),
    ],
)
def test_what_cannot_be_used_is_refused(make, error, text):
    with pytest.raises(error, match=f"^{text}"):
        make()


def test_what_can_be_used():
    assert ChangeSender("").address == ""
    assert ChangeSender("a@b.example", MailOptions(size=3)).options == MailOptions(size=3)
    assert AddRecipient("postmaster", RcptOptions()).address == "postmaster"
    assert RejectRecipient("b@c.example", Reply(450, None, "later")).reply.temporary
    assert Quarantine("odd").facts() == {"quarantine": "odd"}
