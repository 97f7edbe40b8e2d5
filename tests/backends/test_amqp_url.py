"""The URL of a broker, and the settings behind it; no error shows a password."""

from __future__ import annotations

import pytest

from txsmtpx.backends.amqp_url import AMQPURL, url_and_settings
from txsmtpx.setting_kinds import Choice, Flag, Number, Seconds, Text

KNOWN = (
    Text("queue", "mail", "", ""),
    Number("inline", 10, "", "", "octets", 1),
    Seconds("timeout", 30.0, "", "", zero=False),
    Flag("mark", True, "", ""),
    Choice("kind", "a", "", "", ("a", "b")),
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("amqp://localhost", AMQPURL("localhost", 5672, False, "guest", "guest", "/")),
        ("amqp://localhost/", AMQPURL("localhost", 5672, False, "guest", "guest", "/")),
        ("amqps://broker.example.org/mail", AMQPURL("broker.example.org", 5671, True, "guest", "guest", "mail")),
        ("amqp://a%40b:c%2Fd%3A@[::1]:99/%2F", AMQPURL("::1", 99, False, "a@b", "c/d:", "/")),
        ("amqp://ann@192.0.2.1/a%20b", AMQPURL("192.0.2.1", 5672, False, "ann", "", "a b")),
    ],
)
def test_urls(text, url) -> None:
    assert AMQPURL.parsed(text) == url


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "begins with amqp: or amqps:"),
        ("amqp:localhost", "begins with amqp: or amqps:"),
        ("http://ann:secret@localhost/", "begins with amqp: or amqps:"),
        ("amqp://", "begins with amqp: or amqps:"),
        ("amqp:///mail", "has no host or port that can be used"),
        ("amqp://ann:secret@:5672/", "has no host or port that can be used"),
        ("amqp://ann:secret@localhost:port/", "has no host or port that can be used"),
        ("amqp://ann:secret@localhost:70000/", "has no host or port that can be used"),
        ("amqp://ann:secret@[::1/", "has no host or port that can be used"),
        ("amqp://ann:secret@local host/", "has no host or port that can be used"),
        ("amqp://ann:secret@localhost/a/b", "the virtual host has a slash; write it as %2F: 'a/b'"),
        ("amqp://ann:secret@localhost/?queue=a", "ends with its virtual host"),
    ],
)
def test_what_is_none(text, error) -> None:
    with pytest.raises(ValueError, match=error) as caught:
        AMQPURL.parsed(text)
    assert "secret" not in str(caught.value)


def test_no_text_of_it_has_the_password() -> None:
    url = AMQPURL.parsed("amqps://ann:secret@[::1]/mail")
    assert str(url) == "amqps://[::1]:5671"
    assert "secret" not in f"{url!r}"


def test_settings() -> None:
    text = "amqp://h/?queue=a%26b&inline=7&timeout=1.5&mark=false&kind=b"
    given = {"queue": "a&b", "inline": 7, "timeout": 1.5, "mark": False, "kind": "b"}
    assert url_and_settings(text, KNOWN) == ("amqp://h/", given)
    assert url_and_settings("amqp://h", KNOWN) == ("amqp://h", {})


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("queu=a", "there is no setting 'queu'; did you mean queue?"),
        ("queue=a&queue=b", "the setting queue is given twice"),
        ("queue", "behind . there are settings, as in .queue=mail"),
        ("inline=x", "inline must be an integer of 1 or more .octets., not 'x'"),
        ("inline=0", "inline must be an integer of 1 or more .octets., not 0"),
        ("inline=\u0663", "inline must be an integer"),
        ("timeout=nan", "timeout must be a number of seconds greater than 0, not nan"),
        ("timeout=soon", "timeout must be a number of seconds greater than 0, not 'soon'"),
        ("mark=yes", "mark must be True or False, not 'yes'"),
        ("kind=c", "kind must be a or b, not 'c'"),
    ],
)
def test_settings_that_cannot_be_used(query, error) -> None:
    with pytest.raises(ValueError, match=error):
        url_and_settings(f"amqp://h/?{query}", KNOWN)
