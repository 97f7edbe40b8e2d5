"""The options of ports, and of what a server offers."""

from __future__ import annotations

import pytest

from tests.command.parsing import factory, listener


def test_ident():
    assert factory("--ident", "Postbox 7").settings.greeting.lines[0].endswith(" ESMTP Postbox 7")
    assert factory().settings.greeting.lines[0].endswith(" ESMTP txsmtpx")


def test_trusted_networks():
    made = factory("--trusted-network", "10.0.0.0/8", "--trusted-network", "2001:db8::1")
    assert list(map(str, made.settings.trusted_networks)) == ["10.0.0.0/8", "2001:db8::1/128"]
    assert {"XCLIENT", "XFORWARD"} <= made.settings.tables.usual.keywords
    assert not {"XCLIENT", "XFORWARD"} & factory().settings.tables.usual.keywords


@pytest.mark.parametrize(
    ("ports", "kinds"),
    [
        (["2525"], ["TCP4ServerEndpoint"]),
        (["tcp:2525:interface=127.0.0.1", "2526"], ["TCP4ServerEndpoint"] * 2),
        (["tcp6:2525"], ["TCP6ServerEndpoint"]),
        (["unix:/run/lmtp"], ["UNIXServerEndpoint"]),
        (["haproxy:tcp:2525"], ["_WrapperServerEndpoint"]),
    ],
)
def test_ports(ports, kinds):
    options = [option for port in ports for option in ("-p", port)]
    assert [type(each.endpoint).__name__ for each in listener(*options).ports] == kinds
