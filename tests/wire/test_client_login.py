"""`auth_optional=True`: a login if the server offers one; and no password in the clear because of it."""

from __future__ import annotations

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from txsmtpx import CramMD5, NotOffered, Plain, SMTPError, SMTPPool, connect

LOGIN = ("me", "secret")
NO_LOGIN = {
    "none": {"offers": ["PIPELINING"]},
    "no mechanism": {"offers": ["AUTH"]},
    "only other mechanisms": {"offers": ["AUTH GSSAPI NTLM EXTERNAL"]},
    "only HELO": {"EHLO": "502 5.5.1 No"},
}


def optional(net, **how):
    return connect(net, reactor=net.clock, **{"tls": "none", "auth": LOGIN, "auth_optional": True, **how})


@pytest.mark.parametrize("server", NO_LOGIN)
@pytest.mark.parametrize("insecure", [False, True])
def test_there_is_no_login(network, server, insecure):
    net = network(**NO_LOGIN[server])
    client = net.result(optional(net, allow_insecure_auth=insecure))
    assert not client.authenticated
    assert "AUTH" not in net.servers[0].verbs
    assert len(net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1


@pytest.mark.parametrize("server", NO_LOGIN)
def test_by_default_a_login_is_required(network, server):
    net = network(**NO_LOGIN[server])
    with pytest.raises(NotOffered):
        net.result(optional(net, auth_optional=False, allow_insecure_auth=True))
    assert net.servers[0].verbs[-1] == "QUIT"


def test_there_is_a_login(network):
    net = network(offers=["AUTH PLAIN"])
    client = net.result(optional(net, allow_insecure_auth=True))
    assert client.authenticated
    assert net.servers[0].verbs == ["EHLO", "AUTH"]


def test_a_login_that_is_refused(network):
    net = network(offers=["AUTH PLAIN"], AUTH="535 5.7.8 No")
    with pytest.raises(SMTPError, match="535"):
        net.result(optional(net, allow_insecure_auth=True))
    assert net.servers[0].verbs == ["EHLO", "AUTH", "QUIT"]


@pytest.mark.parametrize("offers", ["AUTH PLAIN", "AUTH PLAIN LOGIN CRAM-MD5", "AUTH SCRAM-SHA-256"])
def test_no_password_in_the_clear(network, offers):
    """A login is offered, but not within TLS: the caller learns what to do, the server learns nothing."""
    net = network(offers=[offers])
    with pytest.raises(NotOffered, match="a login in the clear needs allow_insecure_auth=True"):
        net.result(optional(net))
    assert net.servers[0].verbs == ["EHLO", "QUIT"]


def test_starttls_that_was_stripped(network):
    """Somebody on the way hides STARTTLS, and shows AUTH."""
    net = network(offers=["AUTH PLAIN"])
    with pytest.raises(NotOffered):
        net.result(optional(net, tls="opportunistic"))
    with pytest.raises(NotOffered):
        net.result(optional(net, tls="required"))
    assert all("AUTH" not in server.verbs for server in net.servers)


@pytest.mark.parametrize(("auth", "used"), [(Plain(*LOGIN), True), (CramMD5(*LOGIN), False)])
def test_a_mechanism_of_ones_choice(network, auth, used):
    net = network(offers=["AUTH PLAIN"])
    assert net.result(optional(net, auth=auth, allow_insecure_auth=True)).authenticated is used


def test_the_log_says_that_there_was_no_login(network):
    net, said = network(), []

    def observe(event):
        said.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        net.result(optional(net))
    finally:
        globalLogPublisher.removeObserver(observe)
    assert [each for each in said if "does not offer a login" in each]


def test_a_pool(network):
    net = network()
    pool = SMTPPool(net, tls="none", auth=LOGIN, auth_optional=True, reactor=net.clock)
    assert len(net.result(pool.send("a@example.org", ["b@example.net"], b"x\r\n")).accepted) == 1
    net.result(pool.stopService())
    assert "AUTH" not in net.servers[0].verbs


def test_what_ends_a_login(network):
    """STARTTLS and XCLIENT begin a new session (RFC 3207 §4.2)."""
    net = network(offers=["AUTH PLAIN", "XCLIENT NAME"])
    client = net.greeted(allow_insecure_auth=True)
    net.result(client.authenticate(LOGIN))
    assert client.authenticated
    net.result(client.xclient(name="host.example.org"))
    assert not client.authenticated
