"""The URL of a broker; no error shows a password."""

from __future__ import annotations

import pytest

from txsmtpx.backends.amqp_url import AMQPURL


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("amqp://localhost", AMQPURL("localhost", 5672, False, "guest", "guest", "/")),
        ("//localhost/", AMQPURL("localhost", 5672, False, "guest", "guest", "/")),
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
        ("", "this is no URL of a broker"),
        ("amqp:localhost", "this is no URL of a broker"),
        ("http://ann:secret@localhost/", "this is no URL of a broker"),
        ("amqp://", "this is no URL of a broker"),
        ("amqp:///mail", "has no host or port that can be used"),
        ("amqp://ann:secret@:5672/", "has no host or port that can be used"),
        ("amqp://ann:secret@localhost:port/", "has no host or port that can be used"),
        ("amqp://ann:secret@localhost:70000/", "has no host or port that can be used"),
        ("amqp://ann:secret@localhost:0/", "has no host or port that can be used"),
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


def test_a_login_in_a_file(tmp_path) -> None:
    url, file = AMQPURL.parsed("amqp://localhost/mail"), tmp_path / "login"
    file.write_text("ann:secret\n")
    assert url.logged_in("") is url
    found = url.logged_in(str(file))
    assert (found.username, found.password, found.vhost) == ("ann", "secret", "mail")
    file.write_text("ann\n")
    with pytest.raises(ValueError, match="has no login"):
        url.logged_in(str(file))
    with pytest.raises(ValueError, match=r"^cannot read the login in .*: No such file or directory$"):
        url.logged_in(str(tmp_path / "none"))
