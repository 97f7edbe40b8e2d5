"""The relay tells the next server whom it speaks for: by XFORWARD, by XCLIENT, or not at all."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from txsmtpx import RelayBackend
from txsmtpx.testing import Conversation, Network, ScriptedServer

XFORWARD = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

ENVELOPE = ("MAIL FROM:<me@example.org>", "RCPT TO:<you@example.com>")
MESSAGE = ("RCPT TO:<you@example.com>", "DATA", "Subject: x", "", ".")


class Relay:
    """A relay between a client in memory, at 192.168.1.1, and a scripted server."""

    def __init__(self, offers=(), introduce="xforward", script=None, **settings):
        self.net = Network(lambda: ScriptedServer(offers=offers, **(script or {})))
        self.backend = RelayBackend(
            [self.net],
            tls="none",
            domain="relay.example",
            domains=["example.com"],
            introduce=introduce,
            reactor=self.net.clock,
        )
        self._settings = settings
        self._clients = []

    def client(self):
        client = Conversation(self.backend, clock=self.net.clock, **self._settings)
        client.replies()
        self._clients.append(client)
        return client

    def ask(self, client, *lines):
        """The codes that come of it, in the end."""
        found = client.ask(*lines)
        self.net.flush()
        return [line[:3] for line in (*found, *client.replies()) if line[3] == " "]

    def asked(self, *verbs):
        return [line for server in self.net.servers for line in server.lines if line.startswith(verbs)]

    def over(self):
        for client in self._clients:
            client.protocol.transport.loseConnection()
            client.protocol.connectionLost()
        stopped = []
        for pool in self.backend.pools:
            pool.stopService().addBoth(stopped.append)
        self.net.flush()
        assert stopped == [None]
        assert self.net.clock.getDelayedCalls() == []


@pytest.fixture
def relay():
    made = []

    def make(*args, **settings):
        made.append(Relay(*args, **settings))
        return made[-1]

    yield make
    for each in made:
        each.over()


def test_xforward_where_it_is_offered_for_each_transaction(relay):
    between = relay([XFORWARD])
    client = between.client()
    between.ask(client, "EHLO client.example")
    for _ in range(2):
        assert between.ask(client, "MAIL FROM:<me@example.org>", *MESSAGE) == ["250", "250", "354", "250"]
    said = (
        "XFORWARD NAME=[UNAVAILABLE] ADDR=192.168.1.1 PORT=54321 PROTO=ESMTP HELO=client.example SOURCE=REMOTE"
    )
    assert between.asked("XFORWARD", "MAIL", "RSET", "EHLO") == [
        "EHLO relay.example",
        said,
        "MAIL FROM:<me@example.org>",
        "RSET",
        said,
        "MAIL FROM:<me@example.org>",
    ]


def test_what_the_next_server_does_not_know_is_not_said(relay):
    between = relay(["XFORWARD NAME ADDR"])
    assert between.ask(between.client(), "HELO client.example", *ENVELOPE) == ["250", "250", "250"]
    assert between.asked("XFORWARD") == ["XFORWARD NAME=[UNAVAILABLE] ADDR=192.168.1.1"]


@pytest.mark.parametrize(
    ("offers", "introduce"), [([], "xforward"), (["XFORWARD"], "xforward"), ([XFORWARD], "nothing")]
)
def test_or_not(relay, offers, introduce):
    between = relay(offers, introduce)
    assert between.ask(between.client(), "HELO client.example", *ENVELOPE) == ["250", "250", "250"]
    assert between.asked("X") == []


def test_what_xforward_told_us_is_passed_on_and_nothing_else(relay):
    between = relay([XFORWARD], trusted_networks=["192.168.1.1"])
    client = between.client()
    between.ask(client, "EHLO proxy.example", "XFORWARD ADDR=192.0.2.7 IDENT=7 SOURCE=LOCAL")
    assert between.ask(client, "MAIL FROM:<me@example.org>", *MESSAGE) == ["250", "250", "354", "250"]
    between.ask(client, *ENVELOPE)
    first, second = between.asked("XFORWARD")
    assert first == "XFORWARD ADDR=192.0.2.7 IDENT=7 SOURCE=LOCAL"
    assert second.startswith("XFORWARD NAME=[UNAVAILABLE] ADDR=192.168.1.1 ")


def test_who_came_by_xclient_is_who_is_named(relay):
    between = relay([XFORWARD], trusted_networks=["192.168.1.1"])
    client = between.client()
    between.ask(client, "XCLIENT NAME=real.example ADDR=IPV6:2001:db8::7 HELO=real.example", "EHLO proxy.example")
    assert between.ask(client, *ENVELOPE) == ["250", "250"]
    assert between.asked("XFORWARD") == [
        "XFORWARD NAME=real.example ADDR=IPV6:2001:db8::7 PORT=[UNAVAILABLE] PROTO=ESMTP"
        " HELO=real.example SOURCE=REMOTE"
    ]


@pytest.mark.parametrize(
    ("host", "said"),
    [("::ffff:192.0.2.7", "ADDR=192.0.2.7 PORT=4000"), ("fe80::7%eth0", "ADDR=IPV6:fe80::7 PORT=4000")],
)
@pytest.mark.parametrize("introduce", ["xforward", "xclient"])
def test_an_address_is_told_plainly(relay, host, said, introduce):
    between = relay([XFORWARD, XCLIENT], introduce)
    client = between.client()
    client.protocol.dialog.connection.peer = IPv6Address("TCP", host, 4000)
    assert between.ask(client, "EHLO client.example", *ENVELOPE) == ["250", "250", "250"]
    (line,) = between.asked("XFORWARD", "XCLIENT")
    assert f" {said} " in line


@pytest.mark.parametrize("answer", ["501 5.5.4 What", "550 5.7.0 Not for you"])
def test_xforward_is_for_the_logs_and_stops_no_mail(relay, answer):
    between = relay([XFORWARD], script={"XFORWARD": answer})
    assert between.ask(between.client(), "HELO client.example", *ENVELOPE) == ["250", "250", "250"]


@pytest.mark.parametrize("helo", ["x" * 300, "a\u200bb"])
def test_a_name_that_cannot_be_told_is_none(relay, helo):
    between = relay([XFORWARD])
    assert between.ask(between.client(), f"HELO {helo}", *ENVELOPE) == ["250", "250", "250"]
    assert "HELO=[UNAVAILABLE]" in between.asked("XFORWARD")[0]


def test_lost_at_xforward(relay):
    between = relay([XFORWARD], script={"XFORWARD": b""})
    assert between.ask(between.client(), "HELO client.example", *ENVELOPE) == ["250", "250", "451"]


def test_xclient_for_each_transaction(relay):
    """On one connection, which is each client's in its turn, with its login and its greeting."""
    between = relay([XCLIENT, XFORWARD], "xclient", script={"XCLIENT": "220 again"}, trusted_networks=["192.168.1.1"])
    one, other = between.client(), between.client()
    between.ask(one, "XCLIENT LOGIN=someone HELO=one.example", "EHLO proxy.example")
    between.ask(other, "HELO other.example")
    other.protocol.dialog.connection.peer = IPv4Address("TCP", "192.0.2.9", 99)
    for client in (one, other):
        assert between.ask(client, "MAIL FROM:<me@example.org>", *MESSAGE) == ["250", "250", "354", "250"]
    assert len(between.net.servers) == 1
    assert between.asked("X", "EHLO", "RSET", "MAIL") == [
        "EHLO relay.example",
        "XCLIENT NAME=[UNAVAILABLE] ADDR=192.168.1.1 PORT=54321 PROTO=ESMTP HELO=one.example LOGIN=someone",
        "EHLO one.example",
        "MAIL FROM:<me@example.org>",
        "RSET",
        "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.9 PORT=99 PROTO=SMTP HELO=other.example LOGIN=[UNAVAILABLE]",
        "EHLO other.example",
        "MAIL FROM:<me@example.org>",
    ]


def test_a_connection_that_is_somebodys_for_good_is_nobody_elses(relay):
    """Postfix offers XCLIENT to whoever XCLIENT has made us, which is most often nobody it trusts."""
    answers = {"XCLIENT": "220 again", "EHLO": [None, "250-next.example\n250 PIPELINING"] * 2}
    between = relay([XCLIENT], "xclient", script={**answers})
    client = between.client()
    between.ask(client, "HELO client.example")
    for _ in range(2):
        assert between.ask(client, "MAIL FROM:<me@example.org>", *MESSAGE) == ["250", "250", "354", "250"]
    assert [server.verbs for server in between.net.servers] == [
        ["EHLO", "XCLIENT", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    ] * 2


@pytest.mark.parametrize(
    ("offers", "answer"), [([XFORWARD], None), ([XCLIENT], "550 5.7.0 Not for you"), ([XCLIENT], b"")]
)
def test_who_asked_for_xclient_is_not_taken_for_the_client(relay, offers, answer, logged_failures):
    """The next server may trust us more than those we speak for: rather no mail."""
    between = relay(offers, "xclient", script={} if answer is None else {"XCLIENT": answer})
    assert between.ask(between.client(), "HELO client.example", *ENVELOPE) == ["250", "250", "451"]
    assert between.asked("MAIL") == []


def test_no_such_introduction():
    with pytest.raises(ValueError, match="xfoward"):
        RelayBackend(["tcp:127.0.0.1:25"], introduce="xfoward")
