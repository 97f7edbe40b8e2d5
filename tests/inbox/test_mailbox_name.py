"""The mailboxes of a message."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.mailbox_name import MAX_RECIPIENTS, mailbox_name, mailboxes_of
from txsmtpx.web.web_errors import BadRequest


@pytest.mark.parametrize(
    ("recipients", "username", "names"),
    [
        (["ann@example.org"], None, ["recipient:ann@example.org"]),
        (["ANN@Example.ORG", "ann@example.org"], None, ["recipient:ann@example.org"]),
        (["ann+Sign.Up@example.org"], None, ["recipient:ann@example.org", "tag:sign.up"]),
        (
            ["a+x@a.example", "b+x@b.example"],
            "me",
            ["recipient:a@a.example", "recipient:b@b.example", "login:me", "tag:x"],
        ),
        (["+x@a.example"], None, ["recipient:+x@a.example", "tag:x"]),
        (["ann+@a.example"], None, ["recipient:ann@a.example"]),
        (['"a b+c d"@a.example'], None, ['recipient:"a b"@a.example', "tag:c d"]),
        (["postmaster"], "", ["recipient:postmaster"]),
        (["ann@bücher.example"], None, ["recipient:ann@xn--bcher-kva.example"]),
        ([], "me", ["login:me"]),
        ([], "m" * 1000, []),
        ([], "a\udcff", ["login:a?"]),
    ],
)
def test_of_a_message(recipients, username, names):
    assert mailboxes_of(recipients, username) == names


def test_many_recipients():
    assert len(mailboxes_of([f"{n}@x.example" for n in range(1000)], None)) == MAX_RECIPIENTS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("recipient:Ann+a@Example.org", "recipient:ann@example.org"),
        ("login:Me", "login:Me"),
        ("tag:SignUp", "tag:signup"),
        ("login:a:b", "login:a:b"),
    ],
)
def test_as_a_client_writes_it(text, name):
    assert mailbox_name(text) == name
    assert mailbox_name(name) == name


@pytest.mark.parametrize("text", ["ann@example.org", "recipient:", "Recipient:a@b", "x:y", ":"])
def test_what_is_none(text):
    with pytest.raises(BadRequest, match="is no mailbox, such as recipient:ann"):
        mailbox_name(text)
