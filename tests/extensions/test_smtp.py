"""RFC 5321: the commands of SMTP itself, by themselves; their order is that of ``sequence.txt``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialog.core import Core
from txsmtpx import Reply, SMTPError
from txsmtpx.extensions.smtp import COMMON, EHLO, HELO, SMTP
from txsmtpx.testing import RecordingBackend

HELLO = "EHLO client.example"
MAIL = "MAIL FROM:<me@example.com>"


def greeted(backend: Any = None, *lines: str, **settings: Any) -> Core:
    """A client after EHLO, and after more commands."""
    client = Core(backend, **settings)
    client.ask(HELLO, *lines)
    return client


# ---- EHLO and HELO


def test_ehlo_names_the_server_and_then_its_extensions():
    client = Core(domain="mx.example.org")
    said = client.ask(HELLO)
    assert said[0].startswith("220 mx.example.org ESMTP")
    assert said[1] == "250-mx.example.org"
    assert said[-1].startswith("250 ")
    assert (client.dialog.connection.helo, client.dialog.connection.extended) == ("client.example", True)
    client.hang_up()


def test_helo_names_the_server_alone():
    client = Core()
    assert client.ask("HELO client.example")[1:] == ["250 localhost"]
    assert (client.dialog.connection.helo, client.dialog.connection.extended) == ("client.example", False)
    client.hang_up()


@pytest.mark.parametrize("hello", ["EHLO", "HELO", "EHLO ", "ehlo"])
def test_a_hello_needs_a_name(hello):
    client = Core()
    assert client.ask(hello)[1:] == ["501 5.5.2 Syntax: EHLO or HELO, and your domain"]
    client.hang_up()


def test_what_stands_behind_the_name_is_ignored():
    client = Core()
    client.ask("EHLO client.example and more")
    assert client.dialog.connection.helo == "client.example"
    client.hang_up()


def test_a_hello_aborts_the_transaction():
    """§4.1.4."""
    client = greeted(None, MAIL, "RCPT TO:<you@example.com>")
    client.ask(HELLO)
    assert client.dialog.transaction is None
    assert client.backend.methods[-1] == "reset"
    assert client.ask("DATA")[0][:3] == "503"
    client.hang_up()


# ---- MAIL


@pytest.mark.parametrize(("argument", "sender"), [
    ("FROM:<me@example.com>", "me@example.com"), ("from:<>", ""), ("FROM: <me@example.com>", "me@example.com"),
    ("FROM:<@a.example,@b.example:me@example.com>", "me@example.com"),
])  # fmt: skip
def test_a_sender(argument, sender):
    client = greeted()
    assert client.ask(f"MAIL {argument}") == ["250 2.1.0 Sender ok"]
    assert client.backend.calls[-1][:2] == ("mail", sender)
    client.hang_up()


@pytest.mark.parametrize(("argument", "answer"), [
    ("", "501 5.5.2 Syntax: MAIL FROM:<address> [parameter ...]"),
    ("TO:<me@example.com>", "501 5.5.2 Syntax: MAIL FROM:<address> [parameter ...]"),
    ("FROM:<Postmaster>", "501 5.5.2 Bad address: a sender has a domain"),
    ("FROM:<me@example.com> X=1", "555 5.5.4 Parameter not recognized: X"),
    ("FROM:<me@example.com> SIZE=x", "501 5.5.4 Bad parameter value: SIZE: takes a number of at most 20 digits"),
    ("FROM:<jürgen@example.com>", "550 5.6.7 That sender needs SMTPUTF8"),
    ("FROM:<me@example.com> AUTH=ü", "555 5.5.4 Parameter not recognized: AUTH"),
])  # fmt: skip
def test_no_sender(argument, answer):
    client = greeted()
    assert client.ask(f"MAIL {argument}") == [answer]
    assert client.dialog.transaction is None
    assert "mail" not in client.backend.methods
    client.hang_up()


@pytest.mark.parametrize("argument", ["FROM:", "FROM:me", "FROM:<me", "FROM:<me@>", "FROM:<me@example.com>x"])
def test_no_path(argument):
    client = greeted()
    (said,) = client.ask(f"MAIL {argument}")
    assert said.startswith("501 5.5.2 Bad address: ")
    client.hang_up()


@pytest.mark.parametrize(("outcome", "answer", "opened"), [
    (None, "250 2.1.0 Sender ok", True), (Reply(250, (2, 1, 0), "Welcome"), "250 2.1.0 Welcome", True),
    (SMTPError(550, (5, 7, 1), "Not you"), "550 5.7.1 Not you", False),
    (Reply(451, (4, 7, 1), "Later"), "451 4.7.1 Later", False),
])  # fmt: skip
def test_the_backend_decides_on_a_sender(outcome, answer, opened):
    client = greeted(RecordingBackend(mail=[outcome]))
    assert client.ask(MAIL) == [answer]
    assert (client.dialog.transaction is not None) is opened
    client.hang_up()


def test_too_many_transactions():
    client = greeted(max_transactions=2)
    said = [line for _ in range(3) for line in client.ask(MAIL, "RSET")]
    assert said[::2] == ["250 2.1.0 Sender ok"] * 2 + ["452 4.5.0 Too many transactions, connect again"]
    client.hang_up()


# ---- RCPT


@pytest.mark.parametrize(("argument", "recipient"), [
    ("TO:<you@example.com>", "you@example.com"), ("to:<Postmaster>", "Postmaster"),
    ('TO:<"a b"@example.com>', '"a b"@example.com'),
])  # fmt: skip
def test_a_recipient(argument, recipient):
    client = greeted(None, MAIL)
    assert client.ask(f"RCPT {argument}") == ["250 2.1.5 Recipient ok"]
    assert client.dialog.transaction.recipients == [recipient]
    client.hang_up()


@pytest.mark.parametrize(("argument", "answer"), [
    ("", "501 5.5.2 Syntax: RCPT TO:<address> [parameter ...]"),
    ("FROM:<you@example.com>", "501 5.5.2 Syntax: RCPT TO:<address> [parameter ...]"),
    ("TO:<>", "501 5.5.2 Bad address: a recipient cannot be <>"),
    ("TO:<jürgen@example.com>", "553 5.6.7 That address needs SMTPUTF8"),
    ("TO:<you@example.com> SIZE=1", "555 5.5.4 Parameter not recognized: SIZE"),
])  # fmt: skip
def test_no_recipient(argument, answer):
    client = greeted(None, MAIL)
    assert client.ask(f"RCPT {argument}") == [answer]
    assert client.dialog.transaction.recipients == []
    client.hang_up()


@pytest.mark.parametrize(("outcome", "code", "accepted"), [
    (None, "250", True), (Reply(251, (2, 1, 5), "Will forward"), "251", True),
    (SMTPError(550, (5, 1, 1), "No such user"), "550", False), (Reply(450, (4, 2, 1), "Busy"), "450", False),
])  # fmt: skip
def test_the_backend_decides_on_a_recipient(outcome, code, accepted):
    client = greeted(RecordingBackend(rcpt=[outcome]), MAIL)
    (said,) = client.ask("RCPT TO:<you@example.com>")
    assert said[:3] == code
    assert bool(client.dialog.transaction.recipients) is accepted
    assert (client.ask("DATA")[0][:3] == "354") is accepted
    client.hang_up()


def test_too_many_recipients_of_a_message():
    client = greeted(None, MAIL, max_recipients=2)
    said = client.ask(*[f"RCPT TO:<{name}@example.com>" for name in "abc"])
    assert said == ["250 2.1.5 Recipient ok"] * 2 + ["452 4.5.3 Too many recipients"]
    client.hang_up()


def test_too_many_domains_of_a_connection():
    """A domain is one however it is written, and counts on in the next transaction; a rejected one does not count."""
    backend = RecordingBackend(rcpt=lambda recipient, options: SMTPError(550) if "no@" in recipient else None)
    client = greeted(backend, MAIL, max_recipient_domains=2)
    names = ["a@one.example", "b@ONE.example", "no@three.example", "a@two.example", "a@three.example", "Postmaster"]
    said = client.ask(*[f"RCPT TO:<{name}>" for name in names])
    assert [line[:3] for line in said] == ["250", "250", "550", "250", "452", "452"]
    assert client.ask("RSET", MAIL, "RCPT TO:<a@three.example>")[-1][:3] == "452"
    client.hang_up()


# ---- the others


def test_rset():
    client = greeted(None, MAIL)
    assert client.ask("RSET now") == ["501 5.5.4 That command takes no parameters"]
    assert client.dialog.transaction is not None
    assert client.ask("RSET", "RSET") == ["250 2.0.0 Ok"] * 2
    assert client.dialog.transaction is None
    client.hang_up()


def test_noop_takes_anything():
    client = Core()
    assert client.ask("NOOP", "NOOP whatever it is")[1:] == ["250 2.0.0 Ok"] * 2
    client.hang_up()


def test_help_lists_the_commands_and_the_syntax_of_each():
    client = greeted()
    commands, how = client.ask("HELP")
    assert commands.startswith("214-2.0.0 Commands: EHLO HELO MAIL RCPT ")
    assert how == "214 2.0.0 HELP with a command returns its syntax"
    for verb in (EHLO, HELO, *COMMON):
        assert client.ask(f"HELP {verb.name.lower()}") == [f"214 2.0.0 Syntax: {verb.syntax}"]
    assert client.ask("HELP me") == client.ask("HELP MAIL now") == ["504 5.5.4 No help for that"]
    client.hang_up()


def test_quit():
    client = greeted(None, MAIL)
    assert client.ask("QUIT now") == ["501 5.5.4 That command takes no parameters"]
    assert not client.closed
    assert client.ask("QUIT") == ["221 2.0.0 localhost closing the connection"]
    assert client.closed
    client.hang_up()


def test_which_commands_may_come_before_a_login_and_before_tls():
    """RFC 3207 §4, RFC 4954 §6."""
    assert {verb.name for verb in SMTP.verbs if verb.before_tls} == {"EHLO", "NOOP", "QUIT"}
    assert {verb.name for verb in SMTP.verbs if verb.before_auth} == {"EHLO", "HELO", "RSET", "NOOP", "HELP", "QUIT"}


def test_which_replies_may_wait_for_those_to_later_commands():
    """RFC 2920 §3.1: EHLO, DATA, VRFY, EXPN, NOOP and QUIT end a group."""
    assert {verb.name for verb in SMTP.verbs if verb.grouped} == {"MAIL", "RCPT", "RSET"}
