"""The connections to a destination."""

import pytest
from twisted.internet.testing import MemoryReactorClock

from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.mx_tls.tls_policy_table import TLSPolicy
from txsmtpx.queue.destination_pools import DestinationPools
from txsmtpx.queue.route import Route, Routes
from txsmtpx.wire.dns_records import NoSuchDomain, Records
from txsmtpx.wire.transport_security import Exchangers, Host


@pytest.fixture
def pools():
    routes = Routes([
        Route("example.org", "unix:/run/lmtp.sock", lmtp=True, connections=3),
        Route("*", "unix:/run/smtp.sock", eight_bit="send"),
    ])  # fmt: skip
    return DestinationPools(MemoryReactorClock(), routes, 10, "mail.example.org", MXSecurity())


def test_a_route_has_its_settings(pools):
    pool = pools.pool("example.org")
    assert (pool.server, pool.size) == ("unix:/run/lmtp.sock", 3)
    assert pool.settings.lmtp
    assert pool.settings.domain == "mail.example.org"
    assert pools.pool("*").size == 10
    assert pools.pool("*").settings.eight_bit == "send"


def test_trust_roots_that_are_damaged_later_do_not_stop_the_dispatcher(tmp_path, authority):
    """Each connection reads them again; a pool is made whenever there is mail for the route."""
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority.path.read_bytes())
    route = Route("example.org", "tcp:192.0.2.1:25", tls="required", trust_roots=str(roots))
    pools = DestinationPools(MemoryReactorClock(), Routes([route]), 10, "", MXSecurity())
    roots.write_text("")
    assert pools.pool("example.org").settings.trust_roots == str(roots)


@pytest.mark.parametrize("domain", ["[x400:a]", "[ipv6:1::1::1]"])
async def test_mail_for_a_domain_that_can_have_no_server_fails(pools, domain):
    with pytest.raises(NoSuchDomain) as found:
        await pools.pool(domain).send("me@example.org", ["ann@example.org"], b"x")
    assert not found.value.temporary


def test_without_a_route_mail_goes_to_the_exchangers(pools):
    pool = pools.pool("example.net")
    assert pool.settings.tls is None  # the security of the endpoint decides
    assert pool.settings.domain == "mail.example.org"
    assert pool.server == "MXEndpoint"


async def test_messages_that_need_no_tls_go_out_under_no_policy():
    """RFC 8689 §5; for the others, the policies of their domains count."""
    clock = MemoryReactorClock()
    strict = MXSecurity([TLSPolicy("*", "encrypt")])
    pools = DestinationPools(clock, Routes([]), 10, "", strict)
    found = Exchangers("example.net", ["mx.example.net"])
    modes = []
    for secured in (True, False):
        security = pools.endpoint("example.net", secured).security
        modes.append((await security.host(found, Host("mx.example.net"), Records(clock, None, 1))).mode)
    assert modes == ["required", "opportunistic"]
