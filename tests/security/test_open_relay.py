"""
No combination of options makes an open relay.

The options are those of the table, so that a new one is tried as soon as it is there: all flags in all combinations,
and every other option with a value of its kind.  Each server that comes of it is asked, by somebody it does not know,
for mail to somebody who is not its business.
"""

from __future__ import annotations

import itertools
from collections import Counter
from functools import cache
from types import MethodType

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.plugin import getCache, getPlugins
from twisted.python.failure import Failure
from twisted.python.usage import flagFunction

from txsmtpx.backends.plugins import plugins
from txsmtpx.command.groups import OPTIONS
from txsmtpx.command.groups.queueing import OPTIONS as QUEUE
from txsmtpx.command.groups.relaying import RELAY
from txsmtpx.command.kind import FLAG
from txsmtpx.command.usage import Options

NO_SERVER = "check"
"""The flag with which there is no server."""

WITH_ANOTHER = ("rewrite-required", "tee-required", "release-allow-unverified-tls", "chaos")
"""Flags that are refused without the option that they are about; with it they refuse more mail, not less."""

FLAGS = [each.name for each in OPTIONS.values() if each.kind is FLAG and each.name not in (NO_SERVER, *WITH_ANOTHER)]
OTHERS = [option for option in OPTIONS.values() if option.kind is not FLAG and option.name not in ("backend", "config")]

BACKENDS = ["relay:tcp:127.0.0.1:9", "relay:mx:next.example", "lmtp:tcp:127.0.0.1:9", "queue:sqlite:queue.db"]
"""Nobody listens there; it must not come to that."""

FOR_SOMEBODY = {
    "nobody": (),
    "users": ("--auth", "memory:user:correct horse"),
    "anonymous": ("--auth", "anonymous"),
    "own domain": ("--relay-domain", "own.example"),
}

SAMPLES = {
    "ENDPOINT": "tcp:0:interface=127.0.0.1",
    "TEXT": "mx.example",
    "DOMAIN": "own.example",
    "NAME": "own.example",
    "TYPE:ARGUMENT": "memory:other:secret",
    "KEYWORD": "DSN",
    "N": "1",
    "TIME": "1",
    "SIZE": "1",
    "NETWORK": "10.0.0.0/8",
    "MECHANISM": "LOGIN",
    "RATE": "100 messages per hour per host",
    "FILTER": "txsmtpx.Filter",
    "STORE": "memory",
    "PATH": "/mail",
    "SERVER": "tcp:127.0.0.1:9",
    "PATTERN": "own.example",
    "URL": "http://127.0.0.1:9/",
    "LIMIT": "recipient max-messages=1",
    "RULE": "own.example",
    "ADDRESS": "ann@own.example",
    "ORIGIN": "https://app.example",
    "TYPE:ENDPOINT": "spamd:tcp:127.0.0.1:9",
    "PROGRAM": "sh",
    "ROUTE": "* endpoint=tcp:127.0.0.1:9",
    "DOMAIN=LEVEL": "*=may",
    "NAMESERVER": "127.0.0.1:5353",
}
"""By kind; a kind with several words is tried with each of them."""

COPIES = ["memory", "maildir:copies", "relay:tcp:127.0.0.1:9", "lmtp:tcp:127.0.0.1:9"]

AT_A_RELAY_OF_NO_USE = {
    "web", "web-host", "web-path", "web-proxy", "web-origin", "web-auth", "web-tokens", "web-remote",
    "web-spam", "web-chromium", "tls-directory", "tls-port",
    "tls-client-ca", "tls-key", "release-to", "release-recipient", "release-sender", "release-tls", "release-auth",
    "release-oauth", "forward", "mailbox-limit", "webhook", "webhook-secret", "queue-retry-most", "relay-auth",
    "queue-web", "queue-web-host", "queue-web-path", "queue-web-proxy", "queue-web-auth", "queue-web-tokens",
    "mta-sts-cache", "web-pop3",
    "relay-oauth", "limit-store", "limit-store-login",
}  # fmt: skip
"""Refused without others that are not tried together with them."""

# Each of these wants something of a server that is not its business.
RECIPIENTS = [
    "victim@elsewhere.example",
    "@own.example:victim@elsewhere.example",
    "victim@own.example.elsewhere.example",
    "victim@[192.0.2.9]",
    "victim@elsewhere.example@own.example",
    "victim@ELSEWHERE.EXAMPLE",
]


def server(*options: str):
    """What ``options`` make, None where they are refused."""
    made = Options()
    try:
        made.parseOptions(list(options))
    except SystemExit:
        return None
    (listener,) = made.process.listeners
    return listener.factory


def taken(factory, inside_tls: bool) -> list[str]:
    """The recipients for whom a stranger's mail is taken."""
    protocol, transport = factory.buildProtocol(None), StringTransport()
    if inside_tls:
        protocol.dialog.tls_started(object())
    protocol.makeConnection(transport)

    def ask(*lines: str) -> list[str]:
        transport.clear()
        protocol.dataReceived("".join(f"{line}\r\n" for line in lines).encode())
        said = transport.value().decode().splitlines()
        return [line for line in said if line[3:4] == " "]

    hello = f"{'LHLO' if factory.settings.lmtp else 'EHLO'} client.example"
    ask(hello, "XCLIENT LOGIN=user ADDR=10.0.0.1", hello, "AUTH ANONYMOUS Ym90", "XFORWARD ADDR=10.0.0.1")
    found = []
    for recipient in RECIPIENTS:
        said = ask("MAIL FROM:<friend@own.example> AUTH=<>", f"RCPT TO:<{recipient}>", "RSET")
        said += ask("MAIL FROM:<friend@own.example>", f"RCPT TO:<{recipient}>", "RSET")
        found += [recipient for line in said if line.startswith("250 2.1.5")]
    protocol.connectionLost(Failure(ConnectionDone()))
    return found


def subsets(flags):
    for number in range(len(flags) + 1):
        yield from itertools.combinations(flags, number)


def flagged(flags) -> list[str]:
    return [f"--{flag}" for flag in flags]


@pytest.fixture(autouse=True)
def _plugins_and_options_are_read_once(monkeypatch):
    """Twisted reads plugins from disk, and inspects the method of each option, again for each server."""
    monkeypatch.setattr("twisted.plugin.getCache", cache(getCache))
    monkeypatch.setattr("twisted.internet.endpoints.getPlugins", cache(lambda interface: [*getPlugins(interface)]))
    monkeypatch.setattr("txsmtpx.backends.plugins.plugins", cache(plugins))
    takes_no_value = cache(lambda method, name: flagFunction(MethodType(method, object()), name))
    monkeypatch.setattr(
        "twisted.python.usage.flagFunction", lambda method, name=None: takes_no_value(method.__func__, name)
    )


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return request.param


@pytest.mark.parametrize("somebody", FOR_SOMEBODY)
def test_all_flags(backend, somebody, pem):
    for with_tls in ((), ("--tls-certificate", str(pem.both))):
        for flags in subsets(FLAGS):
            options = ["--backend", backend, *FOR_SOMEBODY[somebody], *with_tls, *flagged(flags)]
            factory = server(*options)
            if somebody == "nobody":
                assert factory is None, options
            elif factory is not None:
                assert [taken(factory, inside_tls) for inside_tls in (False, True)] == [[], []], options


def samples(option) -> list[str]:
    """Values to try."""
    words = option.kind.word
    return words.split("|") if "|" in words else [SAMPLES[words]]


def test_every_option(backend, pem, tmp_path):
    """By itself, with each of the flags for one of the backends, and with all of them."""
    ways = [[], *[[flag] for flag in FLAGS if backend is BACKENDS[0]], FLAGS]
    counted: Counter[str] = Counter()
    login = tmp_path / "login"
    login.write_text("me:secret\n")
    oauth = tmp_path / "oauth.toml"
    oauth.write_text("token_endpoint = 'https://login.example/'\nclient_id = 'me'\nclient_secret = 'secret'\n")
    table = tmp_path / "virtual"
    table.write_text("info@own.example ann@own.example\n@old.example @own.example\n")
    files = {"FILE": str(pem.both), "DIRECTORY": str(tmp_path), "TABLE": str(table)}
    for option in OTHERS:
        if option.name in ("relay-auth", "relay-oauth"):
            values = [str(login if option.name == "relay-auth" else oauth)]
        elif option.name == "tee":
            values = COPIES
        else:
            values = [files[option.kind.word]] if option.kind.word in files else samples(option)
        for value in values:
            for (_, somebody), flags in itertools.product(FOR_SOMEBODY.items(), ways):
                options = ["--backend", backend, *somebody, f"--{option.name}", value, *flagged(flags)]
                factory = server(*options)
                if factory is not None:
                    counted[option.name] += 1
                    assert [taken(factory, inside_tls) for inside_tls in (False, True)] == [[], []], options
    others = RELAY if backend.startswith("queue:") else QUEUE
    of_no_use = AT_A_RELAY_OF_NO_USE | {option.name for option in others if option.name != "relay-domain"}
    assert {option.name for option in OTHERS} - set(counted) <= of_no_use


@pytest.mark.parametrize("backend", [each for each in BACKENDS if not each.startswith("queue:")])
def test_a_check_makes_no_server(backend):  # of a queue it would ask the store, by the reactor
    options = ["--backend", backend, "--relay-domain", "own.example"]
    assert server(*options) is not None
    assert server(*options, f"--{NO_SERVER}") is None


def test_a_file_of_options(backend, tmp_path):
    file = tmp_path / "smtpx.toml"
    file.write_text(f'backend = "{backend}"\n')
    assert server("--config", str(file)) is None
    file.write_text(f'backend = "{backend}"\nrelay-domain = ["own.example"]\n')
    assert taken(server("--config", str(file)), False) == []


def test_who_asks_for_his_own():
    """The question is a good one: asked of a server whose business they are, it is answered."""
    factory = server("--backend", "null")
    assert len(taken(factory, False)) == len(RECIPIENTS) - 1  # one is no address
