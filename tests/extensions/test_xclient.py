"""XCLIENT and XFORWARD between our two ends."""

from __future__ import annotations

import pytest

from tests.extensions.ends import Ends
from txsmtpx import SMTPError
from txsmtpx.errors import NotOffered

TRUSTED = ["192.0.2.0/24"]


def mail(ends: Ends):
    """MAIL; the connection as the backend sees it."""
    ends.come(ends.client.mail("me@client.example"))
    return ends.server.dialog.connection


@pytest.mark.parametrize("lmtp", [False, True])
def test_xclient_then_hello_again(lmtp):
    ends = Ends(trusted_networks=TRUSTED, lmtp=lmtp)
    assert ends.client.extensions["XCLIENT"] == {
        "NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT",
    }  # fmt: skip
    reply = ends.come(ends.client.xclient(addr="2001:db8::7", port="4000", helo="real.example", login="a b"))
    assert reply.code == 250
    hello = "LHLO" if lmtp else "EHLO"
    assert ends.said[1:] == [
        "XCLIENT ADDR=IPV6:2001:db8::7 PORT=4000 HELO=real.example LOGIN=a+20b",
        f"{hello} real.example",
    ]
    connection = mail(ends)
    assert (connection.peer_host, connection.peer.port) == ("2001:db8::7", 4000)
    assert (connection.helo, connection.username) == ("real.example", "a b")
    ends.over()


@pytest.mark.parametrize(
    ("host", "said", "plain"),
    [
        ("::ffff:198.51.100.7", "198.51.100.7", "198.51.100.7"),
        ("fe80::7%eth0", "IPV6:fe80::7", "fe80::7"),
        ("2001:DB8:0::7", "IPV6:2001:db8::7", "2001:db8::7"),
    ],
)
def test_addresses_are_said_plainly(host, said, plain):
    ends = Ends(trusted_networks=TRUSTED)
    ends.come(ends.client.xclient(addr=host, destaddr=host))
    ends.come(ends.client.xforward(addr=host))
    assert ends.said[1] == f"XCLIENT ADDR={said} DESTADDR={said}"
    assert ends.said[3] == f"XFORWARD ADDR={said}"
    connection = mail(ends)
    assert (connection.peer_host, connection.host.host, connection.xforward) == (plain, plain, {"ADDR": plain})
    ends.over()


def test_xclient_without_a_name_says_ours():
    ends = Ends(trusted_networks=TRUSTED)
    ends.come(ends.client.xclient(addr=""))
    assert ends.said[1:] == ["XCLIENT ADDR=[UNAVAILABLE]", "EHLO client.example"]
    ends.over()


def test_xclient_again_and_again():
    ends = Ends(trusted_networks=TRUSTED)
    for host in ("198.51.100.7", "198.51.100.8"):
        ends.come(ends.client.xclient(addr=host))
        assert mail(ends).peer_host == host
        ends.come(ends.client.reset())
    ends.over()


def test_it_is_another_session_for_limits_too():
    ends = Ends(trusted_networks=TRUSTED, max_transactions=1)
    mail(ends)
    assert ends.client.spent
    ends.come(ends.client.reset())
    ends.come(ends.client.xclient(addr="198.51.100.7"))
    assert not ends.client.spent
    mail(ends)
    ends.over()


@pytest.mark.parametrize("networks", [(), ["10.0.0.0/8"]])
@pytest.mark.parametrize("verb", ["xclient", "xforward"])
def test_not_offered(networks, verb):
    ends = Ends(trusted_networks=networks)
    with pytest.raises(NotOffered, match=verb.upper()):
        ends.come(getattr(ends.client, verb)(addr="198.51.100.7"))
    assert len(ends.said) == 1
    ends.over()


def test_nothing_that_the_server_offers(network):
    net = network(offers=["XFORWARD NAME ADDR"])
    with pytest.raises(NotOffered, match="XFORWARD: IDENT"):
        net.result(net.greeted().xforward(ident="7"))


def test_nothing_is_given():
    ends = Ends(trusted_networks=TRUSTED)
    with pytest.raises(ValueError, match="XFORWARD needs an attribute"):
        ends.come(ends.client.xforward())
    assert len(ends.said) == 1
    ends.over()


def test_arguments_of_a_wrong_name_or_type():
    ends = Ends(trusted_networks=TRUSTED)
    with pytest.raises(TypeError, match="xclient has no argument adr; did you mean addr"):
        ends.client.xclient(adr="192.0.2.7")
    with pytest.raises(TypeError, match="xforward: port must be a whole number, text or None, not True"):
        ends.client.xforward(port=True)
    ends.over()


@pytest.mark.parametrize("given", [{"addr": "mail.example"}, {"helo": "a\r\nQUIT"}, {"port": "65536"}, {"port": -1}])
@pytest.mark.parametrize("verb", ["xclient", "xforward"])
def test_bad_values_are_not_said(verb, given):
    ends = Ends(trusted_networks=TRUSTED)
    with pytest.raises(ValueError, match=r"."):
        ends.come(getattr(ends.client, verb)(**given))
    assert len(ends.said) == 1
    mail(ends)
    ends.over()


@pytest.mark.parametrize("verb", ["xclient", "xforward"])
def test_not_in_a_transaction(verb):
    ends = Ends(trusted_networks=TRUSTED)
    mail(ends)
    with pytest.raises(SMTPError) as raised:
        ends.come(getattr(ends.client, verb)(addr="198.51.100.7"))
    assert raised.value.code == 503
    ends.over()


def test_xforward():
    ends = Ends(trusted_networks=TRUSTED)
    ends.come(ends.client.xforward(name="", addr="2001:db8::7", ident="1+1", source="LOCAL"))
    assert ends.said[1:] == ["XFORWARD NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7 IDENT=1+2B1 SOURCE=LOCAL"]
    assert mail(ends).xforward == {"NAME": "", "ADDR": "2001:db8::7", "IDENT": "1+1", "SOURCE": "LOCAL"}
    ends.over()
