"""
``tcp:`` and ``tls:``: each address of a server is tried until one takes us, not only until one connects (guarantee 23).
"""

from __future__ import annotations

import re

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectError, ConnectionRefusedError, TimeoutError

from tests.internet import REFUSES, SWALLOWS, Internet, server
from txsmtpx import AllServersFailed, DNSFailed, SMTPError, connect
from txsmtpx.testing import SILENCE, Outcome

ONE, TWO, SIX = "192.0.2.1", "192.0.2.2", "2001:db8::1"


class Resolver:
    """That of a reactor."""

    def __init__(self, **addresses):
        self.addresses = addresses
        self.asked = []

    def resolveHostName(self, receiver, name, portNumber=0, addressTypes=None, transportSemantics="TCP"):
        self.asked.append(name)
        receiver.resolutionBegan(None)
        if name in self.addresses:
            for address in self.addresses[name]:
                kind = IPv6Address if ":" in address else IPv4Address
                receiver.addressResolved(kind("TCP", address, portNumber))
            receiver.resolutionComplete()
        else:
            self.receiver = receiver


def connecting(internet, to="tcp:mail:25", **how):
    internet.nameResolver = Resolver(mail=[SIX, ONE, TWO], nowhere=[], only=[ONE], **{"xn--bcher-kva.example": [ONE]})
    given = connect(to, **{"tls": "none", "reactor": internet, **how})
    outcome = Outcome(given)
    outcome.given = given
    internet.go_on()
    return outcome


def connected(internet, outcome):
    internet.net.result(outcome.result().quit())
    assert all(each.lost for each in internet.net.servers)
    assert internet.getDelayedCalls() == []
    return internet.order[-1]


@pytest.mark.parametrize("useless", [REFUSES, SWALLOWS, server(GREETING="421 4.3.2 Busy"), server(GREETING="554 No")])
def test_the_next_address(useless):
    internet = Internet(**{SIX: useless, ONE: server(), TWO: server()})
    outcome = connecting(internet)
    internet.go_on(1)
    assert connected(internet, outcome) == ONE


def test_none_of_them():
    internet = Internet(**{SIX: server(GREETING="421 4.3.2 Busy")})
    outcome = connecting(internet)
    internet.go_on(1)
    assert isinstance(outcome.error, AllServersFailed)
    assert isinstance(outcome.error, ConnectError)
    said = ["no mail server of mail can be used: mail [2001:db8::1]: ", "421 4.3.2 Busy; mail [192.0.2.1]: ",
            "Connection was refused", "; mail [192.0.2.2]: ", "Connection was refused"]  # fmt: skip
    assert re.search(".*".join(map(re.escape, said)), str(outcome.error))


ALONE = [(REFUSES, ConnectionRefusedError), (server(GREETING="554 No"), SMTPError), (SWALLOWS, TimeoutError)]


@pytest.mark.parametrize(("only", "error"), ALONE)
@pytest.mark.parametrize("to", ["tcp:only:25", f"tcp:{ONE}:25"])
def test_where_there_is_but_one_its_own_error(only, error, to):
    internet = Internet(**{ONE: only})
    outcome = connecting(internet, to)
    internet.go_on(31)
    assert isinstance(outcome.error, error)
    assert internet.order == [ONE]


def test_the_certificate_is_for_the_name(authority):
    internet = Internet(**{ONE: server("STARTTLS", tls=authority.server("only"))})
    outcome = connecting(internet, "tcp:only:25", tls=None, trust_roots=authority.path)
    internet.go_on(1)
    assert outcome.result().tls is not None
    assert connected(internet, outcome) == ONE


@pytest.mark.parametrize("name", ["a..b", "x" * 64, "a b"])
def test_a_name_that_is_none(name):
    with pytest.raises(ValueError, match="is no host"):
        connecting(Internet(), f"tcp:{name}:25")


def test_a_name_without_an_address():
    """Whether there is such a name the system's resolver does not tell."""
    outcome = connecting(Internet(), "tcp:nowhere:25")
    assert isinstance(outcome.error, DNSFailed)
    assert outcome.error.temporary


def test_an_international_name():
    internet = Internet(**{ONE: server()})
    assert connected(internet, connecting(internet, "tcp:bücher.example:25")) == ONE
    assert internet.nameResolver.asked == ["xn--bcher-kva.example"]


def test_a_resolver_that_is_silent():
    internet = Internet()
    outcome = connecting(internet, "tcp:silent:25:timeout=7")
    internet.go_on(6)
    assert not outcome.fired
    internet.go_on(2)
    assert isinstance(outcome.error, DNSFailed)
    internet.nameResolver.receiver.addressResolved(IPv4Address("TCP", ONE, 25))
    internet.nameResolver.receiver.resolutionComplete()
    assert internet.order == []
    assert internet.getDelayedCalls() == []


def test_an_address_that_never_greets():
    internet = Internet(**{SIX: server(GREETING=SILENCE), ONE: server()})
    outcome = connecting(internet)
    internet.go_on(301)
    assert connected(internet, outcome) == ONE
