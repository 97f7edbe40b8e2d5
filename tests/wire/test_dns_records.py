"""
What the DNS has said and what it has not: temporary is temporary (guarantee 23), and every question has its time
(guarantee 21).

In memory, and with a name server on real sockets, by the resolver of twisted.names and by our own.
"""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock, deferLater
from twisted.names import client, dns, error

from tests import name_server
from tests.internet import NEVER, Internet, Names, a, aaaa, mx, server
from tests.secure_names import SecureNames
from tests.wire.lookups import ANSWERS, deferred_turn, sending, sending_to
from txsmtpx import AllServersFailed, DNSFailed, MXEndpoint, NoSuchDomain, NullMX, connect
from txsmtpx.testing import Outcome
from txsmtpx.wire.dns_records import Records, decoded
from txsmtpx.wire.system_resolver import Configuration, SystemResolver

ONE, TWO, SIX = "192.0.2.1", "192.0.2.2", "2001:db8::1"


def connecting(internet, resolver, domain="example.net", **how):
    endpoint = MXEndpoint(internet, domain, resolver=resolver, **how)
    given = connect(endpoint, tls="none", reactor=internet)
    outcome = Outcome(given)
    outcome.given = given
    internet.go_on()
    return outcome


def connected(internet, outcome):
    """To which exchanger; the connection is closed, and nothing is left."""
    name = outcome.result().server_name
    internet.net.result(outcome.result().quit())
    assert internet.getDelayedCalls() == []
    return name


FAILING = {
    "SERVFAIL": error.DNSServerError,
    "REFUSED": error.DNSQueryRefusedError,
    "FORMERR": error.DNSFormatError,
    "NOTIMP": error.DNSNotImplementedError,
    "another code": error.DNSUnknownError,
    "silence": lambda: error.DNSQueryTimeoutError(7),
    "silence of all of them": lambda: TimeoutError([]),
    "a query that was cancelled": CancelledError,
    "no socket": lambda: OSError("too many open files"),
    "no such resolver": NotImplementedError,
    "the resolver's own": lambda: error.ResolverError("x"),
    "no records": error.DomainError,
    "what it should not raise": RuntimeError,
}
"""What a resolver may raise without the DNS having said that there is no such name."""


def failing(kind):
    return FAILING[kind]()


@pytest.mark.parametrize("why", FAILING)
@pytest.mark.parametrize("where", ["MX", "A", "AAAA", "A and AAAA", "of the domain itself"])
def test_a_failure_of_the_dns_is_temporary(why, where):
    internet, broken = Internet(), failing(why)
    resolver = Names(MX={"example.net": [mx(10, "one")]}, A={"one": []}, AAAA={"one": []})
    if where == "MX":
        resolver.answers["MX"] = {"example.net": broken}
    elif where == "of the domain itself":
        resolver.answers |= {"MX": {"example.net": []}, "A": {"example.net": broken}}
    else:
        for kind in where.split(" and "):
            resolver.answers[kind] = {"one": failing(why)}
    outcome = connecting(internet, resolver)
    assert isinstance(outcome.error, DNSFailed)
    assert isinstance(outcome.error, DNSLookupError)
    assert not isinstance(outcome.error, NoSuchDomain)
    assert outcome.error.temporary
    assert "could not be looked up" in str(outcome.error)
    assert internet.getDelayedCalls() == []


@pytest.mark.parametrize("nothing", [[], error.DNSNameError(), error.AuthoritativeDomainError()], ids=str)
def test_what_the_dns_has_said_is_permanent(nothing):
    for resolver in (
        Names(MX={"example.net": [mx(10, "one")]}, A={"one": nothing}, AAAA={"one": nothing}),
        Names(MX={"example.net": []}, A={"example.net": nothing}, AAAA={"example.net": nothing}),
    ):
        outcome = connecting(Internet(), resolver)
        assert isinstance(outcome.error, NoSuchDomain)
        assert not outcome.error.temporary
    outcome = connecting(Internet(), Names(MX={"example.net": [mx(0, "")]}))
    assert isinstance(outcome.error, NullMX)
    assert not outcome.error.temporary


@pytest.mark.parametrize("why", FAILING)
@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_addresses_of_one_family_will_do(why, kind):
    other = "AAAA" if kind == "A" else "A"
    address = {"A": a(ONE), "AAAA": aaaa(SIX)}[other]
    internet = Internet(**{ONE: server(), SIX: server()})
    resolver = Names(**{"MX": {"example.net": [mx(10, "one")]}, kind: {"one": failing(why)}, other: {"one": address}})
    assert connected(internet, connecting(internet, resolver)) == "one"


@pytest.mark.parametrize("why", [*FAILING, "silence for ever"])
def test_the_next_exchanger_where_one_cannot_be_looked_up(why):
    internet = Internet(**{TWO: server()})
    broken = NEVER if why == "silence for ever" else failing(why)
    exchangers = {"example.net": [mx(10, "one"), mx(20, "two")]}
    resolver = Names(MX=exchangers, A={"one": broken, "two": a(TWO)}, AAAA={"one": broken})
    outcome = connecting(internet, resolver)
    internet.go_on(31)
    assert connected(internet, outcome) == "two"


def test_some_have_no_address_and_others_are_not_known():
    """What the DNS has not said may be said later."""
    resolver = Names(MX={"example.net": [mx(10, "one"), mx(20, "two")]}, A={"one": error.DNSServerError(), "two": []})
    outcome = connecting(Internet(), resolver)
    assert isinstance(outcome.error, AllServersFailed)
    assert outcome.error.temporary
    assert "the A of one could not be looked up: DNSServerError" in str(outcome.error)


# ---- silence


@pytest.mark.parametrize(("silent", "asked"), [("MX", 30), ("A", 30), ("AAAA", 30)])
def test_silence_has_its_time(silent, asked):
    answers = {"MX": {"example.net": [mx(10, "one")]}, "A": {"one": []}, "AAAA": {"one": []}, silent: {}}
    answers[silent] = {"example.net" if silent == "MX" else "one": NEVER}
    internet = Internet()
    outcome = connecting(internet, Names(**answers), lookup=10)
    internet.go_on(9.5)
    assert not outcome.fired
    internet.go_on(1)
    assert isinstance(outcome.error, DNSFailed)
    assert "no answer within 10 seconds" in str(outcome.error)
    assert internet.getDelayedCalls() == []


@pytest.mark.parametrize(("silent", "address"), [("AAAA", ONE), ("A", SIX)])
def test_what_is_never_answered_keeps_nothing_waiting(silent, address):
    internet = Internet(**{address: server()})
    answers = {"A": {"one": a(ONE)}, "AAAA": {"one": aaaa(SIX)}, silent: {"one": NEVER}}
    outcome = connecting(internet, Names(MX={"example.net": [mx(10, "one")]}, **answers))
    internet.go_on(0.1)
    assert internet.order == [address]
    assert connected(internet, outcome) == "one"


def test_addresses_that_come_late_are_tried_when_the_others_have_failed():
    internet = Internet(**{ONE: server()})
    resolver = Names(MX={"example.net": [mx(10, "one")]}, A={"one": NEVER}, AAAA={"one": aaaa(SIX)})
    outcome = connecting(internet, resolver)
    internet.go_on(5)
    assert internet.order == [SIX]
    assert not outcome.fired
    resolver.answer("A", "one", *a(ONE))
    internet.go_on(1)
    assert internet.order == [SIX, ONE]
    assert connected(internet, outcome) == "one"


def test_to_cancel_harms_no_other_that_asks_the_same():
    """A resolver of twisted.names has one Deferred for both."""
    internet, resolver = Internet(**{ONE: server()}), Names(MX={"example.net": NEVER}, A={"one": a(ONE)})
    first, second = connecting(internet, resolver), connecting(internet, resolver)
    first.given.cancel()
    assert isinstance(first.error, CancelledError)
    assert not second.fired
    resolver.answer("MX", "example.net", mx(10, "one"))
    internet.go_on(1)
    assert connected(internet, second) == "one"


# ---- names


NO_NAMES = ["a..b", ".", "x" * 64 + ".test", ".".join(["x" * 60] * 5), "a b.test", "a\r\nb.test", "a@b.test", "]"]


@pytest.mark.parametrize("domain", NO_NAMES)
def test_a_name_that_the_dns_cannot_be_asked_for(domain):
    """The DNS has not said that there is no such domain."""
    resolver = Names()
    outcome = connecting(Internet(), resolver, domain)
    assert isinstance(outcome.error, DNSFailed)
    assert "cannot be looked up" in str(outcome.error)
    assert "\n" not in str(outcome.error)
    assert resolver.asked == []


@pytest.mark.parametrize("domain", ["☃☃-.test", "xn--ü.test", "[", "[x]"])
def test_a_name_that_is_no_domain(domain):
    """It is refused when it is given."""
    with pytest.raises(ValueError, match=r"not a domain|no address literal"):
        MXEndpoint(Internet(), domain)


@pytest.mark.parametrize("name", [b"x" * 64, b"\xff.test", b"a\0b", b"a b", b"1.2.3.4 x", b"..", b"[192.0.2.1]"])
def test_an_exchanger_that_the_dns_cannot_be_asked_for(name):
    broken = dns.Record_MX(10, b"x")
    broken.name.name = name
    internet = Internet(**{TWO: server()})
    outcome = connecting(internet, Names(MX={"example.net": [broken, mx(20, "two")]}, A={"two": a(TWO)}))
    assert connected(internet, outcome) == "two"
    outcome = connecting(internet, Names(MX={"example.net": [broken]}))
    assert isinstance(outcome.error, DNSFailed)


ASKED = {
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example": "xn--bcher-kva.example",
    "example.net.": "example.net",
    "a_b.test": "a_b.test",
}


@pytest.mark.parametrize("domain", ASKED)
def test_what_is_asked_for(domain):
    asked = ASKED[domain]
    internet, resolver = Internet(**{ONE: server()}), Names(MX={asked: []}, A={asked: a(ONE)})
    assert connected(internet, connecting(internet, resolver, domain)) == asked
    assert {name for _, name in resolver.asked} == {asked}


# ---- aliases


def cname(name):
    return dns.Record_CNAME(name)


def test_an_alias():
    """RFC 5321 §5.1: the name that it leads to is taken as if it were the first; whoever followed it, once or often."""
    internet = Internet(**{ONE: server()})
    within = [("example.net", cname("b.test")), ("B.test", cname("c.test")), ("c.test", mx(10, "one"))]
    apart = {"example.net": [cname("b.test")], "b.test": [cname("c.test")], "c.test": [mx(10, "one")]}
    for answers in ({"example.net": within}, apart):
        for addresses in ({"one": a(ONE)}, {"one": [cname("uno.test")], "uno.test": a(ONE)}):
            outcome = connecting(internet, Names(MX=answers, A=addresses))
            assert connected(internet, outcome) == "one"


def test_an_alias_without_an_exchanger():
    """The domain is its own exchanger, by its own name, at the addresses of the other."""
    internet = Internet(**{ONE: server()})
    names = Names(MX={"example.net": [cname("b.test")], "b.test": []},
                  A={"example.net": [cname("b.test")], "b.test": a(ONE)})  # fmt: skip
    assert connected(internet, connecting(internet, names)) == "example.net"


def test_aliases_without_an_end():
    ring = {"example.net": [cname("b.test")], "b.test": [cname("example.net")]}
    both = {"example.net": [("example.net", cname("b.test")), ("b.test", cname("example.net"))]}
    itself = {"example.net": [cname("example.net")]}
    for answers in (ring, both, itself):
        outcome = connecting(Internet(), Names(MX=answers))
        assert isinstance(outcome.error, DNSFailed)


def test_an_alias_of_nothing():
    outcome = connecting(Internet(), Names(MX={"example.net": [cname("b.test")]}))
    assert isinstance(outcome.error, NoSuchDomain)


# ---- on real sockets

@pytest.mark.system
@pytest.mark.parametrize("answer", [each for each in ANSWERS if each != "cut"])
async def test_by_the_resolver_of_twisted(answer, name_servers):
    """Its undocumented errors do not get out.  An answer that is cut by TCP too it asks for without end."""
    broken = name_servers(MX={"example.net": ANSWERS[answer]})
    resolver = client.Resolver(servers=[broken.address], timeout=(0.05, 0.05), reactor=reactor)
    resolver.queryTCP = lambda queries, timeout=0.1: client.Resolver.queryTCP(resolver, queries, 0.1)
    with pytest.raises(DNSFailed, match=r"the MX of example\.net could not be looked up"):
        await sending(resolver, 9)
    for each in list(resolver.connections):
        each.transport.loseConnection()


@pytest.mark.system
async def test_one_of_two_queries_of_twisteds_resolver_is_cancelled(name_servers):
    """It asks once for both."""
    silent = name_servers(MX={"example.net": name_server.NOTHING})
    resolver = client.Resolver(servers=[silent.address], timeout=(0.1, 0.1), reactor=reactor)
    first, second = (MXEndpoint(reactor, "example.net", resolver=resolver) for _ in range(2))
    given = [sending_to(first), sending_to(second)]
    outcomes = [Outcome(each) for each in given]
    while not silent.asked:
        await deferred_turn()
    silent.answers["MX"]["example.net"] = name_server.NXDOMAIN
    given[0].cancel()
    assert isinstance(outcomes[0].error, CancelledError)
    while not outcomes[1].fired:
        await deferred_turn()
    assert isinstance(outcomes[1].error, NoSuchDomain)


# ---- what the system says


# ---- records that the caller keeps


def with_ttls(*triples):
    return [dns.RRHeader(name, each.TYPE, ttl=ttl, payload=each) for name, ttl, each in triples]


class Answers:
    """A resolver with one answer."""

    def __init__(self, answers=(), authority=(), failure=None):
        self.answer = list(answers), list(authority), []
        self.failure = failure

    def lookupAddress(self, name):
        return fail(self.failure) if self.failure else succeed(self.answer)

    lookupPointer = lookupText = lookupAddress


def soa(ttl, minimum):
    return with_ttls(("example", ttl, dns.Record_SOA(b"ns.example", b"me.example", minimum=minimum)))


def record_set(resolver, kind="A", name="a.example"):
    return Outcome(Deferred.fromCoroutine(Records(Clock(), resolver, 5).record_set(name, kind)))


def missing(authority):
    message = dns.Message(rCode=dns.ENAME)
    message.authority = authority
    return error.DNSNameError(message)


@pytest.mark.parametrize(("resolver", "records", "ttl"), [
    (Answers(with_ttls(("a.example", 60, *a(ONE)), ("a.example", 30, *a(TWO)))), 2, 30),
    (Answers(with_ttls(("a.example", 10, dns.Record_CNAME(b"b.example")), ("b.example", 30, *a(TWO)))), 1, 10),
    (Answers(authority=soa(60, 300)), 0, 60),
    (Answers(authority=soa(600, 300)), 0, 300),
    (Answers(), 0, 0),
    (Answers(failure=missing(soa(60, 300))), 0, 60),
    (Answers(failure=missing([])), 0, 0),
    (Answers(failure=error.DNSNameError()), 0, 0),
])  # fmt: skip
def test_records_and_their_ttl(resolver, records, ttl):
    found = record_set(resolver).result()
    assert (len(found.records), found.ttl) == (records, ttl)


def test_a_failure_is_no_empty_set():
    assert isinstance(record_set(Answers(failure=error.DNSServerError())).error, DNSFailed)


def test_a_name_that_cannot_be_asked_for():
    assert isinstance(record_set(Answers(), name="a..example").error, DNSFailed)


def test_a_chain_of_aliases_has_one_time_limit():
    """Each answer takes 4 of the 5 seconds, and leads to another name."""
    clock, asked = Clock(), []

    class Slowly:
        def lookupAddress(self, name):
            asked.append(name)
            found = dns.RRHeader(name, dns.CNAME, payload=dns.Record_CNAME(b"%d.example" % len(asked)))
            return deferLater(clock, 4, lambda: ([found], [], []))

    outcome = Outcome(Deferred.fromCoroutine(Records(clock, Slowly(), 5).record_set("a.example", "A")))
    clock.pump([4, 0.9])
    assert not outcome.fired
    clock.pump([0.1])
    assert isinstance(outcome.error, DNSFailed)
    assert str(outcome.error).endswith("no answer within 5 seconds")
    assert len(asked) == 2


# ---- whether records are secure


CHAIN = {"A": {"a.example": [cname("b.example")], "b.example": [cname("c.example")], "c.example": a(ONE)}}


@pytest.mark.parametrize("insecure", [None, "a.example", "b.example", "c.example"])
def test_aliases_over_several_answers_are_secure_if_all_are(insecure):
    """RFC 7672 §2.2.2."""
    found = record_set(SecureNames(Clock(), [insecure], **CHAIN)).result()
    assert (len(found.records), found.secure, found.name) == (1, insecure is None, "c.example")


@pytest.mark.parametrize("insecure", [None, "a.example", "b.example"])
def test_an_alias_of_nothing_is_secure_if_both_answers_are(insecure):
    names = SecureNames(Clock(), [insecure], A={"a.example": [cname("b.example")], "b.example": []})
    found = record_set(names).result()
    assert (list(found.records), found.secure, found.name) == ([], insecure is None, "b.example")


def test_a_name_that_does_not_exist_is_not_secure():
    """Nothing depends on it: there are no records."""
    found = record_set(SecureNames(Clock())).result()
    assert (list(found.records), found.secure) == ([], False)


def test_the_alias_of_a_name_alone():
    names = SecureNames(Clock(), CNAME={"a.example": [cname("b.example")]})
    found = record_set(names, "CNAME").result()
    assert ([decoded(each.name) for each in found.records], found.secure) == (["b.example"], True)
    assert names.asked == [("CNAME", "a.example")]


def test_a_resolver_of_twisted_has_no_secure_answers():
    found = record_set(Answers(with_ttls(("a.example", 60, *a(ONE))))).result()
    assert (len(found.records), found.secure, found.name) == (1, False, "a.example")


@pytest.mark.parametrize("kind", ["TLSA", "CNAME"])
def test_a_resolver_of_twisted_is_not_asked_for_what_must_be_secure(kind):
    found = record_set(Answers(failure=error.DNSServerError()), kind).result()
    assert (list(found.records), found.secure) == ([], False)


@pytest.mark.system
async def test_pointers_and_texts_of_a_name_server(name_servers):
    """By our own resolver and by that of twisted.names; with the TTL of what does not exist."""
    pointer, text = dns.Record_PTR(b"a.example", ttl=50), dns.Record_TXT(b"Hello ", b"there", ttl=70)
    names = name_servers(PTR={"1.2.0.192.in-addr.arpa": [pointer]}, TXT={"a.example": [text]}, A={})
    names.answers["A"]["no.example"] = name_server.NXDOMAIN
    names.authority = soa(40, 300)
    ours = SystemResolver(reactor, Configuration([names.address]), hosts_file="/nowhere")
    for resolver in (ours, client.Resolver(servers=[names.address], reactor=reactor)):
        records = Records(reactor, resolver, 10)
        found = await records.record_set("1.2.0.192.in-addr.arpa", "PTR")
        assert ([str(each.name) for each in found.records], found.ttl) == (["a.example"], 50)
        found = await records.record_set("a.example", "TXT")
        assert ([b"".join(each.data) for each in found.records], found.ttl) == ([b"Hello there"], 70)
        for name in ("no.example", "empty.example"):
            found = await records.record_set(name, "A")
            assert (list(found.records), found.ttl) == ([], 40)
