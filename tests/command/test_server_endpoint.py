"""Server endpoint strings.  ``errors.txt`` has the whole text of each error."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint, UNIXServerEndpoint

from txsmtpx.command.server_endpoint import server_endpoint


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("tcp:25", TCP4ServerEndpoint),
        ("tcp:25:interface=127.0.0.1", TCP4ServerEndpoint),
        (r"tcp6:25:interface=\:\:1", TCP6ServerEndpoint),
        ("unix:/run/lmtp:mode=660", UNIXServerEndpoint),
        ("unix:address=/run/lmtp", UNIXServerEndpoint),
    ],
)
def test_an_endpoint(description, kind):
    assert type(server_endpoint(reactor, description)) is kind


@pytest.mark.parametrize("description", ["haproxy:tcp:2526:interface=127.0.0.1", "haproxy:unix:x"])
def test_an_endpoint_around_another(description):
    assert "Wrapper" in type(server_endpoint(reactor, description)).__name__


@pytest.mark.parametrize(
    ("description", "hint"),
    [
        ("127.0.0.1:25", "tcp:25:interface=127.0.0.1"),
        ("mail.example.org:25", "tcp:25:interface=mail.example.org"),
        ("[::1]:25", r"tcp6:25:interface=\:\:1"),
        ("[2001:db8::1]:587", r"tcp6:587:interface=2001\:db8\:\:1"),
        ("haproxy:2525", "haproxy:tcp:2525"),
    ],
)
def test_what_is_hinted_at_can_be_used(description, hint):
    with pytest.raises(ValueError, match="; write ") as raised:
        server_endpoint(reactor, description)
    assert str(raised.value).endswith(f"; write {hint}")
    server_endpoint(reactor, hint)


def test_no_word_of_python():
    for description in ("", ":", "=", "\\", "tcp:", "tcp::", "ssl:x", "unix::", "haproxy:haproxy:", "systemd:a:b:c:d"):
        with pytest.raises(ValueError, match="; write ") as raised:
            server_endpoint(reactor, description)
        for word in ("literal", "argument", "out of range", "None", "object", "module"):
            assert word not in str(raised.value)
