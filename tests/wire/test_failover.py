"""
Which of a domain's servers is used: RFC 5321 §5.1, guarantee 23.

A server that is silent, refuses, greets with a no, or has no TLS is not a verdict: the next one is tried.
"""

from __future__ import annotations

import re

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionDone, TimeoutError
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.internet import NEVER, REFUSES, SWALLOWS, Internet, Names, a, aaaa, mx, server
from txsmtpx import (
    AllServersFailed,
    MXEndpoint,
    NoSuchDomain,
    NotOffered,
    ProtocolError,
    PROXYEndpoint,
    SMTPError,
    Timeouts,
    connect,
    send_mail,
)
from txsmtpx.testing import HANG_UP, SILENCE, Outcome, ScriptedServer
from txsmtpx.wire.client_tls import TLSFailed

ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SIX = "2001:db8::1"


def names(**more):
    """example.net has exchangers one and two, one address each."""
    return Names(**{"MX": {"example.net": [mx(10, "one"), mx(20, "two")]}, "A": {"one": a(ONE), "two": a(TWO)}, **more})


def send(internet, resolver, wrap=lambda endpoint: endpoint, **how):
    how = {"tls": "none", "reactor": internet, **how}
    endpoint = wrap(MXEndpoint(internet, "example.net", resolver=resolver))
    given = send_mail(endpoint, "me@example.org", ["you@example.net"], b"x\r\n", **how)
    outcome = Outcome(given)
    outcome.given = given
    return outcome


def delivered(internet, outcome):
    """To which address; nothing is left of the others."""
    assert len(outcome.result().accepted) == 1
    (at,) = [host for host, servers in internet.at.items() for each in servers if each.messages]
    internet.go_on(20)
    assert all(each.lost for each in internet.net.servers)
    assert internet.getDelayedCalls() == []
    return at


USELESS = {
    "refuses": (REFUSES, 1),
    "swallows SYNs": (SWALLOWS, 30),
    "greets with 421": (server(GREETING="421 4.3.2 Too many connections"), 1),
    "greets with 450": (server(GREETING="450 4.7.0 Later"), 1),
    "greets with 554": (server(GREETING="554 5.7.1 Not you"), 1),
    "greets with nonsense": (server(GREETING="nonsense"), 1),
    "greets with 221": (server(GREETING="221 2.0.0 Bye"), 1),
    "closes": (server(GREETING=HANG_UP), 1),
    "never greets": (server(GREETING=SILENCE), 300),
    "refuses EHLO": (server(EHLO="554 5.7.1 Not you"), 1),
    "refuses EHLO for now": (server(EHLO="451 4.7.1 Later"), 1),
    "refuses EHLO and HELO": (server(EHLO="502 5.5.1 What?", HELO="550 5.7.1 Not you"), 1),
    "closes at EHLO": (server(EHLO=HANG_UP), 1),
    "says 421 to EHLO": (server(EHLO="421 4.3.2 Bye"), 1),
    "never answers EHLO": (server(EHLO=SILENCE), 300),
}


@pytest.mark.parametrize("what", USELESS)
def test_the_next_exchanger(what):
    useless, seconds = USELESS[what]
    internet = Internet(**{ONE: useless, TWO: server()})
    outcome = send(internet, names())
    internet.go_on(seconds - 1)
    assert outcome.fired is (seconds == 1)
    internet.go_on(2)
    assert delivered(internet, outcome) == TWO
    assert internet.order == [ONE, TWO]


@pytest.mark.parametrize("what", USELESS)
def test_the_next_address_of_the_same_exchanger(what):
    useless, seconds = USELESS[what]
    internet = Internet(**{ONE: useless, TWO: server(), THREE: server()})
    outcome = send(internet, names(A={"one": a(ONE, TWO), "two": a(THREE)}))
    internet.go_on(seconds)
    assert delivered(internet, outcome) == TWO
    assert internet.order == [ONE, TWO]


TLS = {
    "is not offered": server(),
    "is refused": server("STARTTLS", STARTTLS="454 4.7.0 No certificate"),
    "is refused for good": server("STARTTLS", STARTTLS="554 5.7.3 No"),
    "is closed": server("STARTTLS", STARTTLS=HANG_UP),
    "is nonsense": server("STARTTLS", STARTTLS="nonsense"),
    "goes on in the clear": server("STARTTLS", STARTTLS="220 2.0.0 Go on\n250 2.0.0 More"),
}


@pytest.mark.parametrize("tls", TLS)
def test_tls_that_is_required(tls, authority):
    """The certificate of each is verified by its own name."""
    good = server("STARTTLS", tls=authority.server("two"))
    internet = Internet(**{ONE: TLS[tls], TWO: good})
    outcome = send(internet, names(), tls="required", trust_roots=authority.path)
    internet.go_on(1)
    assert delivered(internet, outcome) == TWO
    assert internet.at[TWO][0].tls


@pytest.mark.parametrize("mode", ["required", "opportunistic"])
def test_a_certificate_for_another_name(mode, authority):
    one, two = (server("STARTTLS", tls=authority.server(name)) for name in ("elsewhere", "two"))
    internet = Internet(**{ONE: one, TWO: two})
    outcome = send(internet, names(), tls=mode, trust_roots=authority.path)
    internet.go_on(1)
    assert delivered(internet, outcome) == TWO


@pytest.mark.parametrize("mode", ["required", "opportunistic"])
@pytest.mark.parametrize("name", ["one", "mail_1.test"])
def test_any_certificate_will_do_where_the_caller_says_so(mode, name, authority):
    """The first exchanger is used, by whatever name."""
    tls = authority.server("elsewhere")
    internet = Internet(**{ONE: server("STARTTLS", tls=tls), TWO: server("STARTTLS", tls=tls)})
    resolver = names(MX={"example.net": [mx(10, name), mx(20, "two")]}, A={name: a(ONE), "two": a(TWO)})
    outcome = send(internet, resolver, tls=mode, tls_verify=False)
    internet.go_on(1)
    assert delivered(internet, outcome) == ONE
    assert internet.at[ONE][0].tls


@pytest.mark.parametrize("mode", ["required", "implicit"])
@pytest.mark.parametrize("name", ["mail_1.test", "-a.test", "xn--a.test"])
def test_a_name_that_no_certificate_can_be_verified_for(mode, name, authority):
    """It is as good as a certificate for another."""
    internet = Internet(**{ONE: server("STARTTLS"), TWO: server("STARTTLS", tls=authority.server("two"))})
    resolver = names(MX={"example.net": [mx(10, name), mx(20, "two")]}, A={name: a(ONE), "two": a(TWO)})
    outcome = send(internet, resolver, tls=mode, trust_roots=authority.path)
    internet.go_on(1)
    if mode == "required":
        assert delivered(internet, outcome) == TWO
    else:
        assert [type(each.error) for each in outcome.error.attempts] == [TLSFailed, TLSFailed]
        assert internet.order == [TWO]


def test_tls_that_is_required_and_nowhere():
    internet = Internet(**{ONE: server(), TWO: server()})
    outcome = send(internet, names(), tls="required")
    internet.go_on(1)
    assert isinstance(outcome.error, AllServersFailed)
    assert [type(attempt.error) for attempt in outcome.error.attempts] == [NotOffered, NotOffered]
    assert [each.lines[0] for each in internet.net.servers] == ["EHLO [192.0.2.25]"] * 2
    assert not any("MAIL" in each.verbs for each in internet.net.servers)


def test_what_is_wrong_with_the_caller_is_no_reason_to_go_on(tmp_path, pem):
    internet = Internet(**{ONE: server("STARTTLS"), TWO: server("STARTTLS")})
    roots = tmp_path / "roots.pem"
    roots.write_bytes(pem.certificate.read_bytes())
    outcome = send(internet, names(), tls="required", trust_roots=str(roots))
    roots.unlink()  # after it was checked
    internet.go_on(1)
    assert isinstance(outcome.error, FileNotFoundError)
    assert internet.order == [ONE]
    assert all(each.lost for each in internet.net.servers)


def test_once_it_is_chosen_what_it_says_counts():
    """A refusal of the login or of the message is an answer of that domain."""
    internet = Internet(**{ONE: server(MAIL="554 5.7.1 No"), TWO: server()})
    outcome = send(internet, names())
    internet.go_on(1)
    assert isinstance(outcome.error, SMTPError)
    internet.servers[ONE] = server("AUTH PLAIN", AUTH="535 5.7.8 No")
    outcome = send(internet, names(), auth=("me", "secret"), allow_insecure_auth=True)
    internet.go_on(1)
    assert str(outcome.error) == "AUTH: 535 5.7.8 No"
    assert internet.order == [ONE, ONE]


# ---- what is said in the end


def test_all_of_them_are_told_of():
    busy, not_us = server(GREETING="421 4.3.2 Busy"), server(EHLO="554 5.7.1 Not you")
    internet = Internet(**{ONE: busy, TWO: REFUSES, THREE: not_us})
    resolver = names(MX={"example.net": [mx(10, "one"), mx(15, "lost"), mx(20, "two"), mx(30, "three")]},
                     A={"one": a(ONE), "two": a(TWO), "three": a(THREE)})  # fmt: skip
    outcome = send(internet, resolver)
    internet.go_on(1)
    error = outcome.error
    assert isinstance(error, AllServersFailed)
    assert isinstance(error, ConnectError)
    said = [
        "no mail server of example.net can be used: one [192.0.2.1]: ",
        "421 4.3.2 Busy; lost: ",
        "lost has no address",
        "; two [192.0.2.2]: ",
        "Connection was refused",
        "; three [192.0.2.3]: EHLO: 554 5.7.1 Not you",
    ]
    assert re.search(".*".join(map(re.escape, said)), str(error))
    assert [(each.host, each.address) for each in error.attempts] == [
        ("one", ONE), ("lost", ""), ("two", TWO), ("three", THREE),
    ]  # fmt: skip
    assert error.temporary


@pytest.mark.parametrize(("second", "temporary"), [("554 5.7.1 Nor you", False), ("421 4.3.2 Busy", True)])
def test_it_is_permanent_only_where_all_say_so(second, temporary):
    internet = Internet(**{ONE: server(GREETING="554 5.7.1 Not you"), TWO: server(GREETING=second)})
    outcome = send(internet, names())
    internet.go_on(1)
    assert outcome.error.temporary is temporary


ALONE = [
    (server(GREETING="554 5.7.1 No"), SMTPError),
    (REFUSES, ConnectError),
    (SWALLOWS, TimeoutError),
    (server(GREETING=HANG_UP), ConnectionDone),
    (server(GREETING="nonsense"), ProtocolError),
]


@pytest.mark.parametrize(("only", "error"), ALONE)
def test_where_there_is_but_one_its_own_error(only, error):
    internet = Internet(**{ONE: only})
    outcome = send(internet, Names(A={"example.net": a(ONE)}, MX={"example.net": []}))
    internet.go_on(31)
    assert isinstance(outcome.error, error)
    assert not isinstance(outcome.error, AllServersFailed)


# ---- addresses race


def test_addresses_race():
    """RFC 8305: the next one after a quarter of a second, the families in turn; those that lose are given up."""
    internet = Internet(**{ONE: SWALLOWS, TWO: server(), SIX: SWALLOWS, "2001:db8::2": SWALLOWS})
    outcome = send(internet, names(A={"one": a(ONE, TWO)}, AAAA={"one": aaaa(SIX, "2001:db8::2")}))
    internet.go_on(2)
    assert delivered(internet, outcome) == TWO
    assert [(host, round(when, 2)) for host, when in internet.asked] == [
        (SIX, 0), (ONE, 0.25), ("2001:db8::2", 0.5), (TWO, 0.75),
    ]  # fmt: skip
    assert sorted(internet.given_up) == sorted([SIX, ONE, "2001:db8::2"])


def test_those_that_were_given_up_have_another_chance():
    """The winner was of no use: what lost to it may be slow and good."""
    internet = Internet(**{ONE: SWALLOWS, TWO: server(GREETING="421 4.3.2 Busy")})
    outcome = send(internet, names(MX={"example.net": [mx(10, "one")]}, A={"one": a(ONE, TWO)}))
    internet.go_on(1)
    internet.servers[ONE] = server()
    assert internet.order == [ONE, TWO, ONE]
    internet.go_on(30)
    assert isinstance(outcome.error, AllServersFailed)
    assert [each.address for each in outcome.error.attempts] == [TWO, ONE]


def test_how_many_are_tried():
    many = [f"192.0.2.{n}" for n in range(1, 101)]
    internet = Internet()
    exchangers = {f"x{n}": n for n in range(1, 101)}
    resolver = names(MX={"example.net": [mx(n, name) for name, n in exchangers.items()]},
                     A={name: a(*many) for name in exchangers})  # fmt: skip
    outcome = send(internet, resolver)
    internet.go_on(5)
    assert isinstance(outcome.error, AllServersFailed)
    assert len(internet.asked) == 20 * 10


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("where", ["servers", "addresses"])
def test_it_is_temporary_if_one_was_not_tried(where, more):
    """All others say no for good."""
    hosts = [f"192.0.2.{n}" for n in range(1, 31)]
    exchangers = {f"x{n}": a(hosts[n]) for n in range(20 + more)}
    if where == "addresses":
        exchangers = {"x": a(*hosts[: 10 + more])}
    internet = Internet(**dict.fromkeys(hosts, server(GREETING="554 5.7.1 No")))
    resolver = names(MX={"example.net": [mx(n, name) for n, name in enumerate(exchangers)]}, A=exchangers)
    outcome = send(internet, resolver)
    internet.go_on(5)
    assert isinstance(outcome.error, AllServersFailed)
    assert outcome.error.temporary is bool(more)
    assert ("not tried" in str(outcome.error)) is bool(more)


@pytest.mark.parametrize("more", [0, 1])
def test_there_is_no_such_domain_only_if_all_exchangers_were_looked_up(more):
    internet = Internet()
    outcome = send(internet, names(MX={"example.net": [mx(n, f"x{n}") for n in range(20 + more)]}, A={}))
    internet.go_on(5)
    assert isinstance(outcome.error, NoSuchDomain) is not bool(more)
    assert outcome.error.temporary is bool(more)


def test_the_same_address_is_tried_once_an_exchanger():
    internet = Internet()
    outcome = send(internet, names(MX={"example.net": [mx(10, "one"), mx(20, "ONE")]}, A={"one": a(ONE, ONE)}))
    internet.go_on(1)
    assert isinstance(outcome.error, ConnectError)
    assert internet.order == [ONE]


# ---- times


def test_each_address_has_its_time():
    """The time of a connection does not span them all, whichever of the two is shorter."""
    internet = Internet(**{ONE: SWALLOWS, TWO: SWALLOWS, THREE: server()})
    resolver = names(MX={"example.net": [mx(10, "one"), mx(20, "two"), mx(30, "three")]},
                     A={"one": a(ONE), "two": a(TWO), "three": a(THREE)})  # fmt: skip
    outcome = send(internet, resolver, timeouts=Timeouts(connect=5))
    internet.go_on(11)
    assert delivered(internet, outcome) == THREE
    assert [round(when, 1) for _, when in internet.asked] == [0, 5, 10]


def test_all_of_it_has_a_time():
    internet = Internet(**{ONE: server(GREETING=SILENCE), TWO: server(GREETING=SILENCE)})
    outcome = send(internet, names(), timeouts=Timeouts(greeting=60, ready=100))
    internet.go_on(99)
    assert not outcome.fired
    internet.go_on(2)
    assert isinstance(outcome.error, TimeoutError)
    assert "not ready within 100 seconds; one [192.0.2.1]:" in str(outcome.error)
    assert all(each.lost for each in internet.net.servers)
    assert internet.getDelayedCalls() == []


@pytest.mark.parametrize("seconds", [0, 0.1, 0.3, 31, 90])
def test_cancelled_it_tries_no_other(seconds):
    internet = Internet(**{ONE: SWALLOWS, TWO: server(GREETING=SILENCE), THREE: server()})
    outcome = send(internet, names(A={"one": a(ONE), "two": a(TWO)}, AAAA={"one": NEVER}))
    internet.go_on(seconds)
    before = len(internet.asked)
    outcome.given.cancel()
    internet.go_on(1000)
    assert isinstance(outcome.error, CancelledError)
    assert len(internet.asked) == before
    assert all(each.lost for each in internet.net.servers)
    assert internet.getDelayedCalls() == []


# ---- behind a proxy, and inside TLS


def test_each_exchanger_behind_a_proxy(authority):
    one = server(GREETING="421 4.3.2 Busy")
    two = server("STARTTLS", tls=authority.server("two"), replies={"PROXY": SILENCE})
    internet = Internet(**{ONE: one, TWO: two})
    outcome = send(internet, names(), lambda endpoint: PROXYEndpoint(PROXYEndpoint(endpoint, 1), 1), tls="required",
                   trust_roots=authority.path)  # fmt: skip
    internet.go_on(1)
    assert delivered(internet, outcome) == TWO
    header = "PROXY TCP4 192.0.2.25 192.0.2.1 25 4000"
    assert internet.at[TWO][0].lines[:2] == [header, header]


def test_tls_from_the_first_octet_by_each_name(authority):
    internet = Internet(**{ONE: server(), TWO: server()})
    outcome = send(internet, names(), tls="implicit", trust_roots=authority.path)
    internet.go_on(1)
    assert isinstance(outcome.error, AllServersFailed)  # they speak in the clear
    assert [type(each.error) for each in outcome.error.attempts] == [TLSFailed, TLSFailed]


def test_tls_from_the_first_octet(authority):
    """Each exchanger's certificate is verified by its own name; that of the first is for another."""
    internet = Internet()

    def inside_tls(name):
        factory = Factory.forProtocol(ScriptedServer)
        return lambda: TLSMemoryBIOFactory(authority.server(name), False, factory, internet).buildProtocol(None)

    internet.servers = {ONE: inside_tls("elsewhere"), TWO: inside_tls("two")}
    endpoint = MXEndpoint(internet, "example.net", 465, resolver=names())
    outcome = Outcome(connect(endpoint, tls="implicit", trust_roots=authority.path, reactor=internet))
    internet.go_on(1)
    client = outcome.result()
    assert (client.server_name, client.tls is not None) == ("two", True)
    internet.net.result(client.quit())
    internet.go_on(1)
    assert internet.getDelayedCalls() == []


# ---- an address literal


LITERALS = [("[192.0.2.1]", ONE), ("[IPv6:2001:db8::1]", SIX), ("[ipv6:2001:DB8::1]", SIX)]


@pytest.mark.parametrize(("domain", "address"), LITERALS)
def test_an_address_literal(domain, address):
    """RFC 5321 §4.1.3: the DNS is not asked."""
    internet, resolver = Internet(**{address: server()}), Names()
    endpoint = MXEndpoint(internet, domain, resolver=resolver)
    outcome = Outcome(connect(endpoint, tls="none", reactor=internet))
    internet.go_on()
    assert outcome.result().server_name == address
    assert internet.order == [address]
    assert resolver.asked == []
    internet.net.result(outcome.result().quit())


def test_an_exchanger_without_an_address_and_one_of_no_use():
    internet = Internet(**{TWO: server()})
    outcome = send(internet, names(A={"two": a(TWO)}))
    internet.go_on(1)
    assert delivered(internet, outcome) == TWO
    outcome = send(internet, names(A={}))
    internet.go_on(1)
    assert isinstance(outcome.error, NoSuchDomain)
