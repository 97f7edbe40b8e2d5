"""
The factory of a server, and its service: what cannot be used is refused when it is given, by a sentence (guarantee 27).
"""

from __future__ import annotations

import inspect
import math
import ssl
from ipaddress import ip_address, ip_network

import pytest
from twisted.internet.task import Clock

from txsmtpx import (
    LoginBackend,
    MemoryBackend,
    Observer,
    OpenBackend,
    Session,
    SMTPServerFactory,
    SMTPService,
    TransactionLog,
)
from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.pipelining import PIPELINING
from txsmtpx.extensions.size import SIZE
from txsmtpx.setting import SettingError

PATH = "/etc/ssl/cert.pem"

# The keyword, a wrong value, and the sentence.
TYPES = [
    ("domain", None, "domain must be a domain, such as mx.example.org, not None"),
    ("domain", b"mx.example.org", "domain must be a domain, such as mx.example.org, not b'mx.example.org'"),
    ("lmtp", "yes", "lmtp must be True or False, not 'yes'"),
    ("lmtp", 1, "lmtp must be True or False, not 1"),
    ("extensions", ["SIZE"], "extensions must be a list of extensions, such as [*EXTENSIONS, DSN], or None"),
    ("extensions", "SIZE", "extensions must be a list of extensions, such as [*EXTENSIONS, DSN], or None, not 'SIZE'"),
    ("extensions", DSN, "extensions must be a list of extensions, such as [*EXTENSIONS, DSN], or None, not Ext"),
    ("extensions", [DSN, None], "extensions must be a list of extensions"),
    ("tls", "startls", "tls must be a Certificate, such as Certificate('cert.pem', 'key.pem'), or a context"),
    ("tls", PATH, f"tls must be a Certificate, such as Certificate('{PATH}')"),
    ("tls", (PATH, PATH), "tls must be a Certificate"),
    ("tls", True, "tls must be a Certificate"),
    ("tls", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "tls must be a Certificate"),
    ("require_tls", "no", "require_tls must be True or False, not 'no'"),
    ("require_auth", "no", "require_auth must be True or False, not 'no'"),
    ("allow_insecure_auth", 1, "allow_insecure_auth must be True or False, not 1"),
    ("without_mechanisms", "LOGIN", "without_mechanisms must be a set of names, such as {'LOGIN'}, not 'LOGIN'"),
    ("without_mechanisms", [1], "without_mechanisms must be a set of names, such as {'LOGIN'}, not [1]"),
    ("without_mechanisms", None, "without_mechanisms must be a set of names, such as {'LOGIN'}, not None"),
    ("max_auth_failures", 1.5, "max_auth_failures must be an integer of 1 or more, not 1.5"),
    ("auth_failure_delay", "1", "auth_failure_delay must be a number of seconds, 0 or more, not '1'"),
    ("ident", b"me", "ident must be up to 200 printable characters of ASCII, not b'me'"),
    ("bare_newlines", None, "bare_newlines must be normalize, reject or accept, not None"),
    ("trusted_networks", "10.0.0.0/8", "trusted_networks must be a list of networks, such as ['10.0.0.0/8'], not "),
    ("trusted_networks", [10], "trusted_networks must be a list of networks, such as ['10.0.0.0/8'], not [10]"),
    ("max_message_bytes", "10", "max_message_bytes must be an integer of 0 or more (octets), not '10'"),
    ("max_message_bytes", 1e6, "max_message_bytes must be an integer of 0 or more (octets), not 1000000.0"),
    ("max_message_bytes", None, "max_message_bytes must be an integer of 0 or more (octets), not None"),
    ("max_message_bytes", True, "max_message_bytes must be an integer of 0 or more (octets), not True"),
    ("max_recipients", "7", "max_recipients must be an integer of 0 or more, not '7'"),
    ("max_transactions", [], "max_transactions must be an integer of 0 or more, not []"),
    ("max_recipient_domains", 2.0, "max_recipient_domains must be an integer of 0 or more, not 2.0"),
    ("max_errors", None, "max_errors must be an integer of 0 or more, not None"),
    ("max_line_length", "2k", "max_line_length must be an integer of 1 or more (octets), not '2k'"),
    ("max_connections", "many", "max_connections must be an integer of 0 or more, not 'many'"),
    ("max_connections_per_host", 0.5, "max_connections_per_host must be an integer of 0 or more, not 0.5"),
    ("read_timeout", "300", "read_timeout must be a number of seconds, 0 or more, not '300'"),
    ("read_timeout", None, "read_timeout must be a number of seconds, 0 or more, not None"),
    ("write_timeout", True, "write_timeout must be a number of seconds, 0 or more, not True"),
    ("message_timeout", [1], "message_timeout must be a number of seconds, 0 or more, not [1]"),
    ("delivery_timeout", "60", "delivery_timeout must be a number of seconds greater than 0, not '60'"),
    ("greeting_delay", "5", "greeting_delay must be a number of seconds, 0 or more, not '5'"),
    ("outcome_policy", "first_success", "outcome_policy must be a function of two arguments, such as first_success"),
    ("outcome_policy", lambda: None, "outcome_policy must be a function of two arguments, such as first_success"),
    ("delivery_timed_out", "420 4.4.7 Late", "delivery_timed_out must be a function of one argument, the recipient"),
    ("deliver_by_minimum", "60", "deliver_by_minimum must be an integer of 0 or more (seconds), not '60'"),
    ("priority_profile", 3, "priority_profile must be up to 20 letters, digits, dots, dashes or underscores, not 3"),
    ("max_hold", 60.0, "max_hold must be an integer from 1 to 999999999 (seconds), not 60.0"),
    ("now", 0, "now must be a function without arguments, not 0"),
    ("transcript", 1, "transcript must be True, False or a function of three arguments: session id, speaker, line"),
    ("transcript", print.__name__, "transcript must be True, False or a function of three arguments"),
    ("transcript", lambda line: None, "transcript must be True, False or a function of three arguments"),
    ("policy", "no", "policy must be a function of one argument, the connection, or None, not 'no'"),
    ("policy", lambda: None, "policy must be a function of one argument, the connection, or None, not <function"),
    ("observers", TransactionLog(), "observers must be a list of observers, not "),
    ("observers", "log", "observers must be a list of observers, not 'log'"),
    ("observers", 3, "observers must be a list of observers, not 3"),
    ("observers", TransactionLog, "observers must be a list of observers, not "),
    ("observers", [TransactionLog], "observers must be objects with all methods of IServerObserver, not <class "),
    ("observers", [print], "observers must be objects with all methods of IServerObserver, not <built-in"),
    ("observers", [Observer(), None], "observers must be objects with all methods of IServerObserver, not None"),
    ("reactor", 1, "reactor must be a reactor, a Clock or None, not 1"),
    ("reactor", Clock, "reactor must be a reactor, a Clock or None, not <class 'twisted.internet.task.Clock'>"),
]

VALUES = [
    ("domain", "", "domain must be a domain, such as mx.example.org, not ''"),
    ("domain", "mx example", "domain must be a domain, such as mx.example.org, not 'mx example'"),
    ("domain", "mx\r\n250 ok", r"domain must be a domain, such as mx.example.org, not 'mx\r\n250 ok'"),
    ("domain", "x" * 64 + ".example", "domain must be a domain, such as mx.example.org, not 'xxx"),
    ("without_mechanisms", {"LOGN"}, "without_mechanisms must be names of mechanisms, not 'LOGN': there are "),
    ("trusted_networks", ["10.0.0.0/99"], "trusted_networks are networks such as 10.0.0.0/8: '10.0.0.0/99' does not"),
    ("trusted_networks", ["fe80::1%eth0"], "trusted_networks are networks such as 10.0.0.0/8: 'fe80::1%eth0' has"),
    ("extensions", [DSN, DSN], "extensions contradict each other: two extensions claim "),
    ("read_timeout", math.nan, "read_timeout must be a number of seconds, 0 or more, not nan"),
    ("read_timeout", math.inf, "read_timeout must be a number of seconds, 0 or more, not inf"),
    ("write_timeout", -1, "write_timeout must be a number of seconds, 0 or more, not -1"),
    ("message_timeout", -0.5, "message_timeout must be a number of seconds, 0 or more, not -0.5"),
    ("delivery_timeout", math.nan, "delivery_timeout must be a number of seconds greater than 0, not nan"),
    ("greeting_delay", -1, "greeting_delay must be a number of seconds, 0 or more, not -1"),
    ("max_connections", -1, "max_connections must be an integer of 0 or more, not -1"),
    ("max_connections_per_host", -3, "max_connections_per_host must be an integer of 0 or more, not -3"),
    ("max_errors", -1, "max_errors must be an integer of 0 or more, not -1"),
    ("deliver_by_minimum", -1, "deliver_by_minimum must be an integer of 0 or more (seconds), not -1"),
    ("bare_newlines", "Normalize", "bare_newlines must be normalize, reject or accept, not 'Normalize'"),
    ("require_tls", True, "require_tls needs a certificate: give tls as well"),
]


def ids(value: object) -> str | None:
    return value if isinstance(value, str) and value.isidentifier() else ""


@pytest.mark.parametrize(("name", "value", "sentence"), TYPES, ids=ids)
def test_a_wrong_type(name, value, sentence):
    with pytest.raises(TypeError) as raised:
        SMTPServerFactory(MemoryBackend(), **{"reactor": Clock(), name: value})
    assert str(raised.value).startswith(sentence)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("name", "value", "sentence"), VALUES, ids=ids)
def test_a_wrong_value(name, value, sentence):
    with pytest.raises(SettingError) as raised:
        SMTPServerFactory(MemoryBackend(), **{"reactor": Clock(), name: value})
    assert str(raised.value).startswith(sentence)
    assert raised.value.name == name


def test_each_keyword_has_a_row():
    keywords = set(inspect.signature(SMTPServerFactory).parameters) - {"backend"}
    assert keywords == {name for name, _, _ in TYPES}


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        (42, "backend must have anonymous_login, such as MemoryBackend(), not 42"),
        (None, "backend must have anonymous_login, such as MemoryBackend(), not None"),
        ("log", "backend must have anonymous_login, such as MemoryBackend(), not 'log'"),
        (Session(), "backend must have anonymous_login, such as MemoryBackend(), not <txsmtpx.backends."),
        (lambda connection: Session(), "backend must have anonymous_login, such as MemoryBackend(), not <function "),
        (MemoryBackend, "backend must be an object, not the class MemoryBackend: use MemoryBackend(...)"),
        (Session, "backend must be an object, not the class Session: use OpenBackend(Session)"),
    ],
)
def test_a_backend_that_is_none(backend, sentence):
    with pytest.raises(TypeError) as raised:
        SMTPServerFactory(backend, reactor=Clock())
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("max_mesage_bytes", "max_message_bytes"), ("max_recipient", "max_recipients"), ("readtimeout", "read_timeout"),
     ("observer", "observers"), ("requiretls", "require_tls"), ("trusted_network", "trusted_networks")],
)  # fmt: skip
def test_a_wrong_name(name, meant):
    with pytest.raises(TypeError) as raised:
        SMTPServerFactory(MemoryBackend(), **{name: 1})
    assert str(raised.value) == f"SMTPServerFactory has no argument {name}; did you mean {meant}?"


def test_what_can_be_used():
    factory = SMTPServerFactory(
        OpenBackend(lambda connection: Session()), reactor=Clock(), domain="[192.0.2.1]", read_timeout=0,
        observers=(each for each in [TransactionLog()]), extensions=(DSN,), transcript=lambda *line: None,
        trusted_networks={"10.0.0.0/8"}, now=lambda: 0.0, delivery_timeout=1,
    )  # fmt: skip
    assert factory.settings.domain == "[192.0.2.1]"
    assert factory.settings.observers.concluded is not None


def test_factories_with_the_same_extensions_share_their_tables():
    one, other = (SMTPServerFactory(MemoryBackend(), reactor=Clock(), max_errors=number) for number in (1, 2))
    lmtp = SMTPServerFactory(MemoryBackend(), reactor=Clock(), lmtp=True)
    assert one.settings.tables is other.settings.tables
    assert lmtp.settings.tables is not one.settings.tables


# The service

FACTORY = SMTPServerFactory(MemoryBackend(), reactor=Clock())


class Endpoint:
    """Of a server."""

    def listen(self, factory: object) -> None:
        """Nobody calls it here."""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((MemoryBackend(), []), "factory must be an SMTPServerFactory, not <txsmtpx"),
        ((SMTPServerFactory, []), "factory must be an SMTPServerFactory, not <class "),
        ((FACTORY, "tcp:25"), "endpoints must be a list of server endpoints, not 'tcp:25'"),
        ((FACTORY, Endpoint()), "endpoints must be a list of server endpoints, not "),
        ((FACTORY, None), "endpoints must be a list of server endpoints, not None"),
        ((FACTORY, ["tcp:25"]), "endpoints must be objects as serverFromString returns, not 'tcp:25'"),
        ((FACTORY, [Endpoint]), "endpoints must be objects as serverFromString returns, not <class "),
        ((FACTORY, [Endpoint()], "30"), "shutdown_timeout must be a number of seconds, 0 or more, not '30'"),
        ((FACTORY, [Endpoint()], None), "shutdown_timeout must be a number of seconds, 0 or more, not None"),
    ],
)
def test_a_service_that_cannot_be(arguments, sentence):
    with pytest.raises(TypeError) as raised:
        SMTPService(*arguments)
    assert str(raised.value).startswith(sentence)


def test_a_shutdown_that_cannot_be():
    with pytest.raises(SettingError, match="shutdown_timeout must be a number of seconds, 0 or more, not nan"):
        SMTPService(FACTORY, [Endpoint()], math.nan)


KINDS = [list, tuple, set, frozenset, iter, lambda items: (each for each in items)]


@pytest.mark.parametrize("kind", KINDS)
def test_any_iterable_of_items(kind):
    networks = ["10.0.0.0/8", ip_network("192.0.2.0/24"), ip_address("2001:db8::7")]
    factory = SMTPServerFactory(
        LoginBackend(),
        reactor=Clock(),
        trusted_networks=kind(networks),
        without_mechanisms=kind(["LOGIN", "CRAM-MD5"]),
        extensions=kind([SIZE, PIPELINING, AUTH]),
    )
    assert set(factory.settings.trusted_networks) == {
        ip_network("10.0.0.0/8"), ip_network("192.0.2.0/24"), ip_network("2001:db8::7/128")
    }  # fmt: skip
    assert not {"LOGIN", "CRAM-MD5"} & {each.name for each in factory.settings.mechanisms}
    assert factory.settings.tables.usual.keywords == {"", "SIZE", "PIPELINING", "AUTH"}


@pytest.mark.parametrize("network", [ip_network("10.0.0.0/8"), ip_address("10.0.0.1"), b"10.0.0.0/8", 10])
def test_one_network_is_no_list_of_networks(network):
    with pytest.raises(TypeError, match=r"^trusted_networks must be a list of networks, such as .*, not "):
        SMTPServerFactory(MemoryBackend(), reactor=Clock(), trusted_networks=network)


def test_items_of_a_generator_are_checked():
    with pytest.raises(TypeError, match=r"^without_mechanisms must be a set of names, such as .*, not \(5,\)$"):
        SMTPServerFactory(MemoryBackend(), reactor=Clock(), without_mechanisms=(each for each in [5]))


def test_a_portal_is_a_backend_here():
    text = r"^SMTPServerFactory has no argument portal; give PortalBackend\(portal\) as the backend$"
    with pytest.raises(TypeError, match=text):
        SMTPServerFactory(MemoryBackend(), reactor=Clock(), portal=object())
