"""A backend or a filter as the operator chose it: its text, without passwords.  `test_chosen_filter` has the syntax."""

from __future__ import annotations

import pytest

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.given import GivenTable
from txsmtpx.command.option import OptionError


@pytest.mark.parametrize(
    ("text", "use", "settings"),
    [
        ("maildir:/var/a path", "maildir:/var/a path", {}),
        ("maildir:/var/a=b", "maildir:/var/a=b", {}),
        ('"maildir:/var/a b=c" x=1', "maildir:/var/a b=c", {"x": "1"}),
        ("http:http://h/ format=json time-out=1s", "http:http://h/", {"format": "json", "time-out": "1s"}),
        ("a B=c", "a B=c", {}),
        ("inbox:mail.db max_age=1d", "inbox:mail.db", {"max_age": "1d"}),  # which no plugin has
        ("", "", {}),
    ],
)
def test_a_path_may_have_spaces(text, use, settings):
    found = Chosen.from_path("backend", text)
    assert (found.use, found.settings) == (use, settings)
    assert found.text == text


def test_what_is_no_setting():
    with pytest.raises(ValueError, match=r"^http:http://\*\*\*@h/ a b=c: 'a' is no setting; write "):
        Chosen.from_path("backend", "http:http://u:secret@h/ a b=c")


def test_a_login_with_a_space():
    with pytest.raises(ValueError, match=r"^amqp://\*\*\*@h/: write a space in the login of a URL as %20$"):
        Chosen.from_text("backend", "amqp://u:a secret@h/")


@pytest.mark.parametrize(
    ("use", "shown"),
    [
        ("http:http://u:secret@h/a", "http:http://***@h/a"),
        ("amqps://u:s@e@h:1/%2f", "amqps://***@h:1/%2f"),
        ("http://u:p@h/a http://u:p@h/b", "http://***@h/a http://***@h/b"),
        ("http://u:a secret@h/", "http://***@h/"),
        ("amqp://u:a/secret@h/ x", "amqp://***@h/ x"),
        ("amqp://u:a secret/ @h/ http://u:b c@h", "amqp://***@h/ http://***@h"),
        ("http://h/{local}@{domain} b@c", "http://h/{local}@{domain} b@c"),
        ("http://h:80/{local}@{domain} b@c", "http://h:80/{local}@{domain} b@c"),
        ("http://[::1]/{local}@{domain}", "http://[::1]/{local}@{domain}"),
        ("redis://h:1 a@b", "redis://h:1 a@b"),
        ("maildir:/var//a@b", "maildir:/var//***@b"),
        ("maildir:/var/{local}@{domain}", "maildir:/var/{local}@{domain}"),
    ],
)
def test_no_login_is_shown(use, shown):
    found = Chosen("backend", use, {})
    assert found.text == shown
    assert found.unusable("no").line("--backend") == f"--backend {shown}: no"
    table = GivenTable({"use": use}, "f:1: backend", {"use": "f:2: use"})
    assert Chosen.from_table("backend", table).unusable("no").line("f:2: use") == f"f:2: use {shown}: no"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"x": 1}, 'f:1: backend has no backend; write use = "NAME:ARGUMENT", such as use = "maildir:x"'),
        ({"use": 5}, "f:2: use must be a string, not a number: 5"),
    ],
)
def test_a_table_without_a_name(content, line):
    table = GivenTable(content, "f:1: backend", {"use": "f:2: use"})
    with pytest.raises(OptionError) as raised:
        Chosen.from_table("backend", table).check("maildir:x")
    assert raised.value.line(raised.value.place) == line


def test_what_names_its_backend():
    Chosen("backend", "log", {}).check("maildir:x")
    Chosen.from_table("backend", GivenTable({"use": "log"}, "f:1: backend", {"use": "f:2: use"})).check("maildir:x")
