"""The resolver of the machine, with name servers on real sockets."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.names import dns
from twisted.names.error import DNSQueryTimeoutError, DNSServerError

from tests import name_server
from tests.internet import SWALLOWS, Internet, a, mx
from tests.ports import listening
from tests.wire.lookups import ANSWERS, deferred_turn, sending
from txsmtpx import DNSFailed, MXEndpoint, NoSuchDomain
from txsmtpx.testing import Outcome, ScriptedServer
from txsmtpx.wire.system_resolver import TLSA, Configuration, SystemResolver

pytestmark = pytest.mark.system

OURS = {
    **ANSWERS,
    "garbage": name_server.GARBAGE,
    "echo": name_server.ECHO,
    "another": name_server.ANOTHER,
    "bare": name_server.BARE,
    "referral": name_server.REFERRAL,
}


def ours(*servers, timeout=0.2, **more):
    addresses = [each if isinstance(each, tuple) else each.address for each in servers]
    return SystemResolver(reactor, Configuration(addresses, timeout, **more), hosts_file="/nowhere")


GOOD = {"MX": {"example.net": [mx(10, "one.test"), mx(20, "two.test")]}, "A": {"two.test": a("127.0.0.1")}}


@pytest.mark.parametrize("answer", OURS)
@pytest.mark.parametrize("where", ["MX", "A", "AAAA"])
async def test_a_name_server_that_fails(answer, where, name_servers):
    """Of the MX it is the end, and temporary; of the first exchanger's addresses, the second is used."""
    name = "example.net" if where == "MX" else "one.test"
    answers = {**GOOD, where: {**GOOD.get(where, {}), name: OURS[answer]}}
    resolver = ours(name_servers(**answers))
    servers = []
    port = await listening(reactor, lambda: servers.append(ScriptedServer()) or servers[-1])
    given = sending(resolver, port.getHost().port)
    if where == "MX":
        with pytest.raises(DNSFailed, match="could not be looked up"):
            await given
    else:
        assert len((await given).accepted) == 1
        assert len(servers) == 1
    await port.stopListening()


@pytest.mark.parametrize("answer", OURS)
async def test_the_next_name_server(answer, name_servers):
    """As the C library does: a server that fails is no verdict, one that says that there is nothing is."""
    failing = name_servers(MX={"example.net": OURS[answer]})
    good = name_servers(MX={"example.net": name_server.NXDOMAIN})
    with pytest.raises(NoSuchDomain):
        await sending(ours(failing, good), 9)
    assert good.asked == [("MX", "example.net", False)]
    with pytest.raises(NoSuchDomain):
        await sending(ours(good, failing), 9)


async def test_nothing_listens_there(name_servers):
    good = name_servers(MX={"example.net": name_server.NXDOMAIN})
    gone = name_servers()
    await gone.stop()
    with pytest.raises(NoSuchDomain):
        await sending(ours(gone.address, ("192.0.2.1:x", 53), good, timeout=5), 9)
    with pytest.raises(DNSFailed):
        await sending(ours(gone.address, timeout=5), 9)


async def test_a_silent_server_is_asked_again(name_servers):
    silent, failing = name_servers(MX={"example.net": name_server.NOTHING}), name_servers(MX={"example.net": 2})
    with pytest.raises(DNSFailed):
        await sending(ours(silent, failing, timeout=0.02, attempts=3), 9)
    assert len(silent.asked) == 3
    assert len(failing.asked) == 1


async def test_an_answer_by_tcp(name_servers):
    many = [name_server.BY_TCP, *(mx(n, f"x{n}.test") for n in range(200))]
    server = name_servers(MX={"example.net": many})
    endpoint = MXEndpoint(reactor, "example.net", resolver=ours(server))
    assert (await Deferred.fromCoroutine(endpoint.servers().exchangers())).names == [f"x{n}.test" for n in range(200)]
    assert [tcp for *_, tcp in server.asked] == [False, True]


async def test_by_ipv6(name_servers):
    server = name_servers("::1", MX={"example.net": [name_server.BY_TCP, mx(10, "one.test")]})
    endpoint = MXEndpoint(reactor, "example.net", resolver=ours(server))
    assert (await Deferred.fromCoroutine(endpoint.servers().exchangers())).names == ["one.test"]


async def test_cancelled_it_leaves_nothing(name_servers):
    silent = name_servers(MX={"example.net": name_server.NOTHING, "b.test": name_server.CUT})
    for domain in ("example.net", "b.test"):
        given = sending(ours(silent, timeout=10), 9, domain)
        outcome = Outcome(given)
        while not silent.asked:
            await deferred_turn()
        given.cancel()
        assert isinstance(outcome.error, CancelledError)


async def test_the_bound_is_shorter_than_the_resolvers(name_servers):
    silent = name_servers(MX={"example.net": name_server.NOTHING})
    with pytest.raises(DNSFailed, match=r"no answer within 0\.1 seconds"):
        await sending(ours(silent, timeout=10), 9, lookup=0.1)


def test_the_configuration_of_the_system(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text("# comment\nsearch a.test\nnameserver 192.0.2.1\nnameserver\nnameserver 2001:db8::1\n"
                    "options rotate timeout:3 attempts:4\noptions attempts:x timeout:\n")  # fmt: skip
    assert Configuration.read(str(file)) == Configuration([("192.0.2.1", 53), ("2001:db8::1", 53)], 3, 4)
    file.write_text("\n".join(f"nameserver 192.0.2.{n}" for n in range(9)) + "\noptions timeout:999 attempts:0\n")
    assert Configuration.read(str(file)) == Configuration([(f"192.0.2.{n}", 53) for n in range(3)], 30, 2)
    for path in (file, tmp_path / "missing"):
        file.write_text("")
        assert Configuration.read(str(path)) == Configuration([("127.0.0.1", 53)], 5, 2)
    file.write_bytes(b"nameserver 192.0.2.1\n\xff\xfe\n")
    assert Configuration.read(str(file)).servers == [("192.0.2.1", 53)]


@pytest.mark.parametrize(("text", "trusts"), [
    ("options trust-ad", True),
    ("options edns0 trust-ad timeout:3", True),
    ("options trust-ad\noptions rotate", True),
    ("options\ttrust-ad", True),
    ("", False),
    ("trust-ad", False),
    ("# options trust-ad", False),
    ("options no-trust-ad trust-adx", False),
    ("options trust-ad:1", False),
    ("options TRUST-AD", False),
])  # fmt: skip
def test_the_servers_that_are_trusted_to_validate(tmp_path, text, trusts):
    """RFC 6840 §5.7, resolv.conf(5): between another machine and this one anyone could set the bit."""
    file = tmp_path / "resolv.conf"
    file.write_text(f"nameserver 192.0.2.1\n{text}\n")
    read = Configuration.read(str(file))
    assert read.trust_ad is trusts
    assert read.trusts(("192.0.2.1", 53)) is read.trusts(("2001:db8::1", 53)) is trusts
    assert read.trusts(("127.0.0.53", 53))
    assert read.trusts(("::1", 53))


# ---- whether an answer is secure


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_server_of_this_machine_is_trusted_to_validate(address, name_servers):
    server = name_servers(address, A={"one.test": a("192.0.2.1"), "two.test": a("192.0.2.2")})
    server.secure = {"one.test"}
    resolver = ours(server)
    for name in ("one.test", "two.test"):
        found = await resolver.look_up(name, dns.A)
        assert found.secure is (name == "one.test")
        assert [record.payload.dottedQuad() for record in found.answer[0]] == [f"192.0.2.{1 + (not found.secure)}"]


class Elsewhere(Configuration):
    """The servers are those of another machine."""

    def trusts(self, server):
        return Configuration.trusts(self, ("192.0.2.53", server[1]))


@pytest.mark.parametrize("trust_ad", [True, False])
async def test_a_server_of_another_machine_is_trusted_if_the_configuration_says_so(trust_ad, name_servers):
    server = name_servers(A={"one.test": a("192.0.2.1")})
    server.secure = {"one.test"}
    resolver = SystemResolver(reactor, Elsewhere([server.address], trust_ad=trust_ad), hosts_file="/nowhere")
    assert (await resolver.look_up("one.test", dns.A)).secure is trust_ad


async def test_the_server_that_has_answered_counts(name_servers):
    """The first has failed, though its answer would be secure."""
    failing, good = (name_servers(A={"one.test": answer}) for answer in (name_server.SERVFAIL, a("192.0.2.1")))
    failing.secure = {"one.test"}
    assert not (await ours(failing, good).look_up("one.test", dns.A)).secure
    failing.secure, good.secure = set(), {"one.test"}
    assert (await ours(failing, good).look_up("one.test", dns.A)).secure


class OnlyTheFirst(Configuration):
    """The first server is on this machine, the others are not."""

    def trusts(self, server):
        return server == self.servers[0]


@pytest.mark.parametrize(("answer", "error", "times"), [
    (name_server.SERVFAIL, DNSServerError, 1), (name_server.NOTHING, DNSQueryTimeoutError, 2),
], ids=["SERVFAIL", "silence"])  # fmt: skip
async def test_a_server_that_does_not_validate_is_not_asked_for_what_may_be_bogus(answer, error, times, name_servers):
    """An attacker forges answers to both: the first server notices that, and the second would deliver the forgery."""
    validates, other = name_servers(TXT={"one.test": answer}), name_servers(TXT={})
    configuration = OnlyTheFirst([validates.address, other.address], timeout=0.2)
    with pytest.raises(error):
        await SystemResolver(reactor, configuration, hosts_file="/nowhere").look_up("one.test", dns.TXT)
    assert other.asked == []
    assert len(validates.asked) == times


@pytest.mark.parametrize("answer", [name_server.REFUSED, None], ids=["REFUSED", "gone"])
async def test_the_next_server_is_asked_if_the_one_of_this_machine_does_not_work(answer, name_servers):
    """No attacker can cause that."""
    broken, other = name_servers(A={"one.test": answer}), name_servers(A={"one.test": a("192.0.2.1")})
    if answer is None:
        await broken.stop()
    configuration = OnlyTheFirst([broken.address, other.address], timeout=5)
    found = await SystemResolver(reactor, configuration, hosts_file="/nowhere").look_up("one.test", dns.A)
    assert [record.payload.dottedQuad() for record in found.answer[0]] == ["192.0.2.1"]
    assert not found.secure


async def test_an_answer_by_tcp_is_secure_if_that_is(name_servers):
    server = name_servers(A={"one.test": [name_server.BY_TCP, *a("192.0.2.1")]})
    server.secure = {"one.test"}
    assert (await ours(server).look_up("one.test", dns.A)).secure
    assert [tcp for *_, tcp in server.asked] == [False, True]


async def test_an_answer_without_records_can_be_secure(name_servers):
    server = name_servers(A={})
    server.secure = {"one.test"}
    found = await ours(server).look_up("one.test", dns.A)
    assert (list(found.answer[0]), found.secure) == ([], True)


async def test_the_file_of_hosts_is_never_secure(tmp_path, name_servers):
    """RFC 7672 §2.2: DNSSEC has not validated it, so there are no TLSA records for it."""
    (tmp_path / "hosts").write_text("192.0.2.1 one.test\n")
    server = name_servers(A={"one.test": a("192.0.2.9")})
    server.secure = {"one.test"}
    resolver = SystemResolver(reactor, Configuration([server.address]), hosts_file=str(tmp_path / "hosts"))
    found = await resolver.look_up("one.test", dns.A)
    assert (found.answer[0][0].payload.dottedQuad(), found.secure) == ("192.0.2.1", False)
    assert server.asked == []
    assert (await resolver.look_up("one.test", dns.AAAA)).secure


async def test_records_of_a_type_that_twisted_does_not_have(name_servers):
    server = name_servers(**{str(TLSA): {"_25._tcp.one.test": [dns.UnknownRecord(b"\3\1\1data")]}})
    server.secure = {"_25._tcp.one.test"}
    found = await ours(server).look_up("_25._tcp.one.test", TLSA)
    assert [record.payload.data for record in found.answer[0]] == [b"\3\1\1data"]
    assert found.secure


async def test_the_file_of_hosts(tmp_path, name_servers):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 one.test uno.test\n::1 one.test\n")
    server = name_servers(A={"two.test": a("127.0.0.2")})
    resolver = SystemResolver(reactor, Configuration([server.address]), hosts_file=str(hosts))
    addresses = MXEndpoint(reactor, "example.net", resolver=resolver).servers().addresses
    assert await Deferred.fromCoroutine(addresses("one.test").next_batch()) == ["::1", "127.0.0.1"]
    assert await Deferred.fromCoroutine(addresses("two.test").next_batch()) == ["127.0.0.2"]
    assert {name for _, name, _ in server.asked} == {"two.test"}


def test_it_asks_the_clock_it_was_given():
    """And it keeps no timer between two questions."""
    internet = Internet(**{"192.0.2.1": SWALLOWS})
    MXEndpoint(internet, "example.net")
    assert internet.getDelayedCalls() == []
