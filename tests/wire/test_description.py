"""Descriptions of endpoints, and what is wrong with one, in the words of an operator."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint

from txsmtpx.wire.description import name_of


def test_the_names_of_endpoints():
    assert name_of("tcp:mail.example:25") == "tcp:mail.example:25"
    assert "mail.example" in name_of(HostnameEndpoint(reactor, "mail.example", 25))
    assert name_of(("mail.example", 587)) == "mail.example:587"
    assert name_of(object()) == "object"
