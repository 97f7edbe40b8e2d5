"""The resolver of the machine, with name servers on real sockets."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred

from tests import name_server
from tests.internet import SWALLOWS, Internet, a, mx
from tests.ports import listening
from tests.wire.lookups import ANSWERS, deferred_turn, sending
from txsmtpx import DNSFailed, MXEndpoint, NoSuchDomain
from txsmtpx.testing import Outcome, ScriptedServer
from txsmtpx.wire.system_resolver import Configuration, SystemResolver

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
