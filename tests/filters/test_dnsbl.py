"""DNS lists: what is asked, how the answers are weighed, and what becomes of a client that a list has."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.names import dns, error

from tests.filters.test_reverse_dns import answered
from tests.internet import NEVER, Names, a
from txsmtpx import Accept, RcptOptions, Reply
from txsmtpx.filters.dnsbl import DNSBL, MAX_REASON
from txsmtpx.filters.dnsbl_result import DNSBLResult, Listing
from txsmtpx.interfaces import Connection
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome

HOST = "192.0.2.99"
BL, OTHER, GOOD = (f"99.2.0.192.{zone}.example" for zone in ("bl", "other", "good"))


def txt(*texts: bytes) -> Any:
    return dns.Record_TXT(*texts)


class Asking:
    """A filter, and the DNS that it asks."""

    def __init__(self, zones: Any = "bl.example", names: Names | None = None, **how: Any) -> None:
        self.clock = Clock()
        self.names = names or Names()
        self.maker = DNSBL(zones, resolver=self.names, reactor=self.clock, **how)

    def connect(self, host: str = HOST) -> Outcome[Any]:
        self.connection = Connection("S1", "mail.example.org", lmtp=False)
        self.connection.peer = (IPv6Address if ":" in host else IPv4Address)("TCP", host, 4321)
        self.filter = self.maker(self.connection)
        self.given: Deferred[Any] = deferred_call(self.filter.connected, self.connection)
        return Outcome(self.given)

    def result(self, host: str = HOST) -> DNSBLResult:
        verdict = self.connect(host).result()
        assert isinstance(verdict, Accept)
        (result,) = verdict.results
        assert isinstance(result, DNSBLResult)
        assert not self.clock.getDelayedCalls()
        return result

    def reply(self) -> Reply:
        reply = self.connect().result()
        assert isinstance(reply, Reply)
        assert not self.clock.getDelayedCalls()
        return reply


def test_a_client_that_no_list_has() -> None:
    asking = Asking("bl.example,other.example")
    assert asking.result() == DNSBLResult(0)
    assert asking.names.asked == [("A", BL), ("A", OTHER)]


def test_a_client_that_a_list_has() -> None:
    asking = Asking(names=Names(A={BL: a("127.0.0.2")}, TXT={BL: [txt(b"See http://bl.", b"example/99")]}))
    text = "554 5.7.1 Service unavailable; Client host [192.0.2.99] blocked using bl.example; See http://bl.example/99"
    assert asking.reply().one_line == text
    (result,) = asking.connection.results.all(DNSBLResult)
    assert result == DNSBLResult(1, (Listing("bl.example", ("127.0.0.2",), 1),))
    assert result.facts() == {"dnsbl_score": 1, "dnsbl": "bl.example"}


def test_of_an_ipv6_client() -> None:
    asking = Asking()
    asking.result("2001:db8::1")
    assert asking.names.asked == [("A", "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.bl.example")]


@pytest.mark.parametrize(("said", "shown"), [
    ([], ""),
    ([txt(b"a\r\n250 OK\0")], "; a 250 OK "),
    ([txt(b"one"), txt(b"two")], "; one"),
    ([txt(b"x" * 255, b"x" * 255)], "; " + "x" * MAX_REASON),
    (error.DNSServerError(), ""),
    (error.DNSNameError(), ""),
])  # fmt: skip
def test_the_words_of_the_list(said: Any, shown: str) -> None:
    reply = Asking(names=Names(A={BL: a("127.0.0.2")}, TXT={BL: said})).reply()
    line = reply.encode().decode().replace("\r\n554-5.7.1 ", " ").replace("\r\n554 5.7.1 ", " ")
    assert line.removesuffix("\r\n").endswith(f"blocked using bl.example{shown}")


LISTED = Names(A={BL: a("127.0.0.2"), OTHER: a("127.0.0.3"), GOOD: a("127.0.0.4")})


@pytest.mark.parametrize(("zones", "score"), [
    ("bl.example, other.example", 2),
    (["bl.example*2", "other.example=127.0.0.3*3"], 5),
    (["bl.example*2", "other.example=127.0.0.2*3"], 2),
    ({"bl.example": 2, "good.example": -3, "other.example=127.0.0.[3..4]": 0.5}, -0.5),
    ({"bl.example*7": 2}, 2),
    (["bl.example=127.0.0.2*2", "bl.example=127.0.0.[2..3]"], 3),
])  # fmt: skip
def test_scores(zones: Any, score: float) -> None:
    asking = Asking(zones, LISTED, reject_at=None)
    assert asking.result().score == score


@pytest.mark.parametrize(("reject_at", "rejected"), [(2, True), (2.5, False), (None, False)])
def test_a_client_is_rejected_from_a_score_on(reject_at: float | None, rejected: bool) -> None:
    verdict = Asking("bl.example,other.example", LISTED, reject_at=reject_at).connect().result()
    assert isinstance(verdict, Reply) is rejected


def test_the_list_that_counts_most_is_named() -> None:
    assert "blocked using other.example" in Asking("bl.example,other.example*2", LISTED).reply().text


def test_one_zone_is_asked_once() -> None:
    asking = Asking(["bl.example=127.0.0.2*2", "bl.example=127.0.0.3*4"], reject_at=None)
    asking.result()
    assert asking.names.asked == [("A", BL)]


# ---- answers that are no listings


@pytest.mark.parametrize("answer", ["127.255.255.254", "127.255.255.252", "127.0.0.1", "198.51.100.7"])
def test_an_error_of_the_list_is_no_listing(answer: str) -> None:
    asking = Asking("bl.example,other.example", Names(A={BL: a("127.0.0.2", answer)}))
    result = asking.result()
    assert result == DNSBLResult(0, failed=("bl.example",))
    assert result.facts() == {"dnsbl_score": 0, "dnsbl_failed": "bl.example"}


def test_the_dns_fails() -> None:
    asking = Asking("bl.example,other.example", Names(A={BL: error.DNSServerError(), OTHER: a("127.0.0.2")}))
    assert "blocked using other.example" in asking.reply().text
    assert asking.connection.results.all(DNSBLResult)[0].failed == ("bl.example",)


def test_silence_is_no_listing() -> None:
    asking = Asking("bl.example,other.example", Names(A={BL: NEVER, OTHER: NEVER}))
    outcome = asking.connect()
    asking.clock.advance(4.9)
    assert not outcome.fired
    asking.clock.advance(0.1)  # and not twice as long for two of them
    assert outcome.result().results == [DNSBLResult(0, failed=("bl.example", "other.example"))]
    assert not asking.clock.getDelayedCalls()


def test_silence_of_the_reason() -> None:
    asking = Asking(names=Names(A={BL: a("127.0.0.2")}, TXT={BL: NEVER}))
    outcome = asking.connect()
    asking.clock.advance(5)
    assert outcome.result().text.endswith("blocked using bl.example")


def test_the_client_is_lost() -> None:
    asking = Asking("bl.example,other.example", Names(A={BL: NEVER, OTHER: NEVER}))
    outcome = asking.connect()
    asking.given.cancel()
    assert outcome.error is not None
    assert not asking.clock.getDelayedCalls()


# ---- who is not looked up


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.31.0.1", "::1", "fd00::1", "fe80::1"])
def test_local_clients_are_not_looked_up(host: str) -> None:
    asking = Asking()
    assert asking.connect(host).result() is None
    assert asking.names.asked == []


def test_networks_that_are_exempt() -> None:
    asking = Asking(exempt=["192.0.2.0/25", "2001:db8::/32"])
    assert asking.connect().result() is None
    assert asking.connect("2001:db8::1").result() is None
    assert asking.result("192.0.2.128") == DNSBLResult(0)
    assert asking.result("127.0.0.2") == DNSBLResult(0)  # where the default is replaced


def test_a_client_on_a_unix_socket_is_not_looked_up() -> None:
    asking = Asking(exempt=[])
    connection = Connection("S1", "mail.example.org", lmtp=False)
    connection.peer = UNIXAddress(b"/run/x.sock")
    assert Outcome(deferred_call(asking.maker(connection).connected, connection)).result() is None


# ---- at the recipient


@pytest.mark.parametrize(("username", "rejected"), [(None, True), ("ann", False)])
def test_at_the_recipient(username: str | None, rejected: bool) -> None:
    asking = Asking(names=LISTED, at="recipient")
    assert asking.result().score == 1
    asking.connection.username = username
    reply = asking.filter.recipient("b@example.net", RcptOptions())
    assert isinstance(reply, Reply) is rejected


def test_a_client_that_is_not_listed_is_not_rejected() -> None:
    asking = Asking(at="recipient")
    asking.result()
    assert asking.filter.recipient("b@example.net", RcptOptions()) is None


def test_xclient_names_another_client() -> None:
    """The filter is asked again, for that client."""
    asking = Asking(names=LISTED, at="recipient")
    asking.result()
    asking.connection.peer = IPv4Address("TCP", "192.0.2.7", 4321)
    Outcome(deferred_call(asking.filter.connected, asking.connection)).result()
    assert asking.filter.recipient("b@example.net", RcptOptions()) is None


# ---- what is kept


class Timed(Names):
    """Records have a TTL."""

    def _answer(self, kind: str, name: str) -> Any:
        return (
            super()
            ._answer(kind, name)
            .addCallback(lambda found: answered(name, 60, *(each.payload for each in found[0])))
        )


@pytest.mark.parametrize("answer", ["127.0.0.2", "127.255.255.254"])
def test_an_answer_is_kept_for_its_ttl(answer: str) -> None:
    asking = Asking(names=Timed(A={BL: a(answer)}), reject_at=None)
    for seconds, questions in ((0, 1), (59, 1), (1, 2)):
        asking.clock.advance(seconds)
        assert asking.result().score == (answer == "127.0.0.2")
        assert len(asking.names.asked) == questions


def test_a_failure_is_not_kept() -> None:
    asking = Asking(names=Names(A={BL: error.DNSServerError()}))
    asking.result(), asking.result()
    assert len(asking.names.asked) == 2


# ---- the check


TEST, OTHERS = "2.0.0.127.bl.example", "1.0.0.127.bl.example"


def test_the_check_asks_for_the_test_entries() -> None:
    asking = Asking("bl.example", Names(A={TEST: a("127.0.0.2")}))
    assert Outcome(Deferred.fromCoroutine(asking.maker.check())).result() == "each list has its test entry"
    assert asking.names.asked == [("A", TEST), ("A", OTHERS)]


@pytest.mark.parametrize(("answers", "text"), [
    ({}, "bl.example does not have its test entry 127.0.0.2"),
    ({TEST: error.DNSServerError()}, "bl.example: DNS: the A of 2.0.0.127.bl.example could not be looked up"),
    ({TEST: a("127.255.255.254")}, "bl.example answers 127.255.255.254, which is an error"),
    ({TEST: a("127.0.0.2"), OTHERS: a("127.0.0.2")}, "bl.example has 127.0.0.1, and so any address"),
    ({TEST: a("198.51.100.7"), OTHERS: a("198.51.100.7")}, "bl.example answers 198.51.100.7, which is an error"),
])  # fmt: skip
def test_a_list_that_fails_the_check(answers: Any, text: str) -> None:
    asking = Asking("bl.example", Names(A=answers))
    assert text in str(Outcome(Deferred.fromCoroutine(asking.maker.check())).error)


# ---- settings


@pytest.mark.parametrize(("how", "text"), [
    ({"zones": ""}, "a DNS list is a zone"),
    ({"zones": []}, "zones has no DNS list"),
    ({"zones": {}}, "zones has no DNS list"),
    ({"zones": "bl.example*0"}, "the weight of a DNS list is a number other than 0"),
    ({"zones": {"bl.example": float("nan")}}, "the weight of a DNS list"),
    ({"zones": {"bl.example": "1"}}, "zones must be"),
    ({"zones": 1}, "zones must be"),
    ({"reject_at": 0}, "reject_at is a score above 0 or None, not 0"),
    ({"reject_at": float("inf")}, "reject_at is a score"),
    ({"at": "greeting"}, "at must be 'connect' or 'recipient', not 'greeting'"),
    ({"exempt": ["10.0.0.1/8"]}, "exempt has networks such as 192.0.2.0/24, not '10.0.0.1/8': .*host bits set"),
    ({"exempt": "10.0.0.0/8"}, "exempt must be a list of text"),
    ({"lookup": 0}, "lookup is a number of seconds above 0"),
    ({"zone": "bl.example"}, "did you mean zones"),
])  # fmt: skip
def test_settings_that_cannot_be_used(how: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        DNSBL(**{"zones": "bl.example", "reactor": Clock(), **how})
