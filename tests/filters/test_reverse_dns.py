"""The client's host name: which names are looked up, which one is confirmed, and what is kept."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.names import dns, error

from tests.internet import NEVER, Names, a, aaaa
from txsmtpx import Accept
from txsmtpx.filters.reverse_dns import MAX_NAMES, ReverseDNS
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.interfaces import Connection
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome

ONE = "1.2.0.192.in-addr.arpa"
SIX = "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa"


def ptr(*names: str) -> list[Any]:
    return [dns.Record_PTR(name.encode()) for name in names]


class Asking:
    """A filter, and the DNS that it asks."""

    def __init__(self, **answers: Any) -> None:
        self.clock = Clock()
        self.names = Names(**answers)
        self.maker = ReverseDNS(resolver=self.names, reactor=self.clock)

    def connect(self, host: str = "192.0.2.1") -> Outcome[Any]:
        connection = Connection("S1", "mail.example.org", lmtp=False)
        connection.peer = (IPv6Address if ":" in host else IPv4Address)("TCP", host, 4321)
        self.given: Deferred[Any] = deferred_call(self.maker(connection).connected, connection)
        return Outcome(self.given)

    def found(self, host: str = "192.0.2.1") -> ReverseName:
        verdict = self.connect(host).result()
        assert isinstance(verdict, Accept)
        (result,) = verdict.results
        assert isinstance(result, ReverseName)
        assert not self.clock.getDelayedCalls()
        return result


def test_a_name_is_confirmed_by_its_addresses() -> None:
    asking = Asking(PTR={ONE: ptr("Mail.Example.org")}, A={"mail.example.org": a("192.0.2.9", "192.0.2.1")})
    assert asking.found() == ReverseName("mail.example.org", ("mail.example.org",))
    assert asking.names.asked == [("PTR", ONE), ("A", "mail.example.org")]


def test_of_an_ipv6_address() -> None:
    asking = Asking(PTR={SIX: ptr("mail.example.org")}, AAAA={"mail.example.org": aaaa("2001:db8::1")})
    assert asking.found("2001:db8::1").confirmed == "mail.example.org"


def test_the_first_name_that_is_confirmed_counts() -> None:
    addresses = {"b.example": a("192.0.2.1"), "c.example": a("192.0.2.1"), "a.example": a("192.0.2.2")}
    asking = Asking(PTR={ONE: ptr("a.example", "b.example", "c.example")}, A=addresses)
    assert asking.found() == ReverseName("b.example", ("a.example", "b.example", "c.example"))


@pytest.mark.parametrize("addresses", [{}, {"a.example": []}, {"a.example": a("192.0.2.2")}])
def test_a_name_that_is_not_confirmed(addresses: Any) -> None:
    """Whoever owns an address may give it any name."""
    asking = Asking(PTR={ONE: ptr("a.example")}, A=addresses)
    assert asking.found() == ReverseName("", ("a.example",))


@pytest.mark.parametrize("answers", [{}, {"PTR": {ONE: []}}])
def test_no_name(answers: Any) -> None:
    assert Asking(**answers).found() == ReverseName("")


@pytest.mark.parametrize("name", ["a b.example", "a\n.example", "-\x00", ".", "x" * 64, "\u00fc.example", "a..b"])
def test_a_name_that_is_none_is_not_looked_up(name: str) -> None:
    asking = Asking(PTR={ONE: ptr(name, "good.example")}, A={"good.example": a("192.0.2.1")})
    assert asking.found() == ReverseName("good.example", ("good.example",))


def test_there_is_a_limit_of_names() -> None:
    names = [f"{number}.example" for number in range(MAX_NAMES + 5)]
    asking = Asking(PTR={ONE: ptr("0.example", *names)}, A={names[-1]: a("192.0.2.1")})
    assert asking.found() == ReverseName("", tuple(names[:MAX_NAMES]))
    assert len(asking.names.asked) == 1 + MAX_NAMES


# ---- failures


def test_the_dns_fails() -> None:
    assert Asking(PTR={ONE: error.DNSServerError()}).found() == ReverseName("", failed=True)


def test_the_dns_fails_for_a_name() -> None:
    names = ptr("a.example", "b.example")
    asking = Asking(PTR={ONE: names}, A={"a.example": error.DNSServerError()})
    assert asking.found() == ReverseName("", ("a.example", "b.example"), failed=True)
    asking = Asking(PTR={ONE: names}, A={"a.example": error.DNSServerError(), "b.example": a("192.0.2.1")})
    assert asking.found() == ReverseName("b.example", ("a.example", "b.example"))


@pytest.mark.parametrize("silent", ["PTR", "A"])
def test_the_dns_is_silent(silent: str) -> None:
    answers = {"PTR": {ONE: ptr("a.example")}, "A": {"a.example": a("192.0.2.1")}}
    answers[silent] = {ONE if silent == "PTR" else "a.example": NEVER}
    asking = Asking(**answers)
    outcome = asking.connect()
    asking.clock.advance(4.9)
    assert not outcome.fired
    asking.clock.advance(0.1)
    (result,) = outcome.result().results
    assert (result.confirmed, result.failed) == ("", True)


def test_the_client_is_lost() -> None:
    asking = Asking(PTR={ONE: ptr("a.example", "b.example")}, A={"a.example": NEVER, "b.example": NEVER})
    outcome = asking.connect()
    asking.given.cancel()
    assert outcome.error is not None
    assert not asking.clock.getDelayedCalls()


def test_a_client_on_a_unix_socket_has_no_name() -> None:
    asking = Asking()
    connection = Connection("S1", "mail.example.org", lmtp=False)
    connection.peer = UNIXAddress(b"/run/x.sock")
    assert Outcome(deferred_call(asking.maker(connection).connected, connection)).result() is None
    assert asking.names.asked == []


@pytest.mark.parametrize("lookup", [0, -1, float("inf"), float("nan")])
def test_no_time(lookup: float) -> None:
    with pytest.raises(ValueError, match="lookup is a number of seconds above 0"):
        ReverseDNS(lookup=lookup, reactor=Clock())


# ---- what is kept


def answered(name: str, ttl: int, *payloads: Any) -> Any:
    return [dns.RRHeader(name, each.TYPE, ttl=ttl, payload=each) for each in payloads], [], []


class Timed(Names):
    """Records have TTLs: those of addresses are shorter."""

    def _answer(self, kind: str, name: str) -> Any:
        return (
            super()
            ._answer(kind, name)
            .addCallback(
                lambda found: answered(name, 100 if kind == "PTR" else 60, *(each.payload for each in found[0]))
            )
        )


def test_an_answer_is_kept_for_the_least_ttl() -> None:
    asking = Asking()
    names = Timed(PTR={ONE: ptr("a.example")}, A={"a.example": a("192.0.2.1")})
    asking.maker = ReverseDNS(resolver=names, reactor=asking.clock)
    for seconds, questions in ((0, 2), (59, 2), (1, 4)):
        asking.clock.advance(seconds)
        assert asking.found().confirmed == "a.example"
        assert len(names.asked) == questions


def test_an_incomplete_answer_is_not_kept() -> None:
    asking = Asking()
    names = Timed(PTR={ONE: ptr("a.example", "b.example")}, A={"a.example": a("192.0.2.1")})
    names.answers["A"]["b.example"] = error.DNSServerError()
    asking.maker = ReverseDNS(resolver=names, reactor=asking.clock)
    asking.found(), asking.found()
    assert len(names.asked) == 6
