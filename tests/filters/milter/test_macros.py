"""The macros of each stage, and their values."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from tests.filters.milter.driven import connection
from txsmtpx import __version__
from txsmtpx.filters.milter import macros as module
from txsmtpx.filters.milter.macros import BY_STAGE, MacroSource
from txsmtpx.filters.milter.negotiation import MacroStage
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import Connection


def source(client: Connection | None = None, **values: object) -> MacroSource:
    return MacroSource(client or connection(), **values)  # type: ignore[arg-type]


def values(about: MacroSource, stage: MacroStage) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in about.macros(stage, {})}


def test_every_macro_has_a_value():
    assert {name for names in BY_STAGE.values() for name in names} == set(module._VALUES)
    assert set(BY_STAGE) == set(MacroStage)


def test_at_the_connect():
    assert values(source(), MacroStage.CONNECT) == {
        "j": "mx.example",
        "_": "unknown [192.0.2.1]",
        "v": f"txsmtpx {__version__}",
        "{daemon_name}": "mx.example",
        "{daemon_addr}": "192.0.2.25",
        "{daemon_port}": "25",
        "{client_addr}": "192.0.2.1",
        "{client_name}": "unknown",
        "{client_port}": "4000",
        "{client_ptr}": "unknown",
        "{client_resolve}": "FAIL",
    }


def test_the_name_of_the_server():
    assert values(source(daemon_name="mx"), MacroStage.CONNECT)["{daemon_name}"] == "mx"


@pytest.mark.parametrize(("result", "found"), [
    (ReverseName("a.example", ("a.example",)), ("a.example", "a.example", "OK", "a.example [192.0.2.1]")),
    (ReverseName("", ("b.example",)), ("unknown", "b.example", "FORGED", "b.example [192.0.2.1] (may be forged)")),
    (ReverseName("", (), failed=True), ("unknown", "unknown", "TEMP", "unknown [192.0.2.1]")),
    (ReverseName(""), ("unknown", "unknown", "FAIL", "unknown [192.0.2.1]")),
])  # fmt: skip
def test_the_names_of_the_client(result, found):
    client = connection()
    client.results.add([result])
    given = values(source(client), MacroStage.CONNECT)
    assert tuple(given[name] for name in ("{client_name}", "{client_ptr}", "{client_resolve}", "_")) == found


def test_the_name_by_xclient():
    client = connection()
    client.xclient = {"NAME": "x.example"}
    given = values(source(client), MacroStage.CONNECT)
    assert (given["{client_name}"], given["_"]) == ("x.example", "x.example [192.0.2.1]")


@pytest.mark.parametrize(("peer", "address", "port"), [
    (IPv6Address("TCP", "2001:db8::1", 9), "IPv6:2001:db8::1", "9"),
    (IPv4Address("TCP", "192.0.2.9", 9), "192.0.2.9", "9"),
    (UNIXAddress(b"/run/x"), "unknown", "0"),
    (None, "unknown", "0"),
])  # fmt: skip
def test_the_address_of_the_client(peer, address, port):
    client = connection()
    client.peer, client.host = peer, None
    given = values(source(client), MacroStage.CONNECT)
    assert (given["{client_addr}"], given["{client_port}"]) == (address, port)
    assert "{daemon_addr}" not in given


def test_of_tls():
    client = connection()
    assert values(source(client), MacroStage.HELLO) == {}
    name = SimpleNamespace(CN="client.example")
    certificate = SimpleNamespace(get_subject=lambda: name, get_issuer=lambda: SimpleNamespace(CN="An authority"))
    tls = SimpleNamespace(version="TLSv1.3", cipher="TLS_X", cipher_bits=256, verified=False, peer_certificate=None)
    client.tls = tls  # type: ignore[assignment]
    given = {"{tls_version}": "TLSv1.3", "{cipher}": "TLS_X", "{cipher_bits}": "256"}
    assert values(source(client), MacroStage.HELLO) == given
    tls.verified, tls.peer_certificate = True, certificate
    assert values(source(client), MacroStage.HELLO) == {
        **given, "{cert_subject}": "client.example", "{cert_issuer}": "An authority",
    }  # fmt: skip
    name.CN = None  # a certificate may have none
    assert "{cert_subject}" not in values(source(client), MacroStage.HELLO)


def test_of_a_transaction():
    client = connection()
    about = source(client, sender="ä@b.example", recipient="c@d.example", options=MailOptions(auth="me@b.example"))
    sent = {"{mail_addr}": "ä@b.example", "{mail_host}": "b.example", "{mail_mailer}": "smtp"}
    assert values(about, MacroStage.MAIL) == {"{auth_author}": "me@b.example", **sent}
    client.username, client.mechanism, about.options, about.queue_id = "me", "PLAIN", None, "1-1"
    assert values(about, MacroStage.MAIL) == {"i": "1-1", "{auth_type}": "PLAIN", "{auth_authen}": "me", **sent}
    received = {"{rcpt_addr}": "c@d.example", "{rcpt_host}": "d.example", "{rcpt_mailer}": "smtp"}
    assert values(about, MacroStage.RECIPIENT) == {"i": "1-1", **received}
    assert values(about, MacroStage.END_OF_MESSAGE) == {"i": "1-1"}
    about.reset()
    assert values(about, MacroStage.RECIPIENT) == {}
    assert values(about, MacroStage.MAIL) == {"{auth_type}": "PLAIN", "{auth_authen}": "me"}


def test_of_the_null_sender():
    given = values(source(sender="", options=MailOptions(auth="")), MacroStage.MAIL)
    assert given == {"{mail_addr}": "", "{mail_host}": "", "{mail_mailer}": "smtp"}


def test_what_a_filter_chooses():
    wanted = {MacroStage.MAIL: (b"{client_addr}", b"{nonsense}", b"i", b"j"), MacroStage.DATA: ()}
    assert source().macros(MacroStage.MAIL, wanted) == [(b"{client_addr}", b"192.0.2.1"), (b"j", b"mx.example")]
    assert source(queue_id="1").macros(MacroStage.DATA, wanted) == []
    assert source(queue_id="1").macros(MacroStage.END_OF_HEADER, wanted) == [(b"i", b"1")]
