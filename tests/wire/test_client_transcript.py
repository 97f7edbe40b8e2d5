"""What the transcript shows: every line both ways, secrets and messages left out."""

from __future__ import annotations

import contextlib

import pytest
from twisted.logger import globalLogPublisher

from tests.encoding import b64
from txsmtpx import AuthLogin, Plain, ProtocolError, SMTPError, connect


def test_every_line_both_ways(network):
    seen = []
    net = network(offers=["CHUNKING", "AUTH PLAIN LOGIN"], DATA="354 Go on")
    client = net.greeted(transcript=lambda session, who, line: seen.append((who, line)), allow_insecure_auth=True)
    net.result(client.authenticate(Plain("me", "secret")))
    net.result(client.send("", ["you@example.net"], b"x\r\n"))
    client.extensions.pop("CHUNKING")
    net.result(client.send("", ["you@example.net"], [b"a very private\r\n", b"message\r\n"]))
    net.result(client.quit())
    assert seen == [
        ("S", "220 scripted.example"),
        ("C", "EHLO [192.0.2.25]"),
        ("S", "250-scripted.example"),
        ("S", "250-CHUNKING"),
        ("S", "250 AUTH PLAIN LOGIN"),
        ("C", "AUTH PLAIN [credentials]"),
        ("S", "250 2.0.0 Ok"),
        ("C", "MAIL FROM:<>"),
        ("S", "250 2.1.0 Sender ok"),
        ("C", "RCPT TO:<you@example.net>"),
        ("S", "250 2.1.5 Recipient ok"),
        ("C", "BDAT 3 LAST"),
        ("C", "[3 octets of a message]"),
        ("S", "250 2.0.0 Taken"),
        ("C", "MAIL FROM:<>"),
        ("S", "250 2.1.0 Sender ok"),
        ("C", "RCPT TO:<you@example.net>"),
        ("S", "250 2.1.5 Recipient ok"),
        ("C", "DATA"),
        ("S", "354 Go on"),
        ("C", "[16 octets of a message]"),
        ("C", "[9 octets of a message]"),
        ("C", "[3 octets of a message]"),
        ("S", "250 2.0.0 Taken"),
        ("C", "QUIT"),
        ("S", "221 2.0.0 Bye"),
    ]


RESPONSE = b64(b"\0me\0Tr0ub4dor")

REPEATED = {
    "the password": "535 5.7.8 No such password: Tr0ub4dor",
    "the line": f"500 5.5.2 Unknown: {b64(b'Tr0ub4dor')} or {RESPONSE}",
    "on one line of two": "535-5.7.8 No\n535 5.7.8 TR0UB4DOR is none",
    "for now": "454 4.7.0 Tr0ub4dor cannot be looked up",
    "and hangs up": "421 4.7.0 Tr0ub4dor",
    "in what is no reply": "Tr0ub4dor?",
    "in what is no answer": "354 Tr0ub4dor",
    "as a challenge": ["334 Tr0ub4dor"],
    "in a yes": "235 2.7.0 Tr0ub4dor is right",
}


@pytest.mark.parametrize("answer", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("half", [Plain, AuthLogin])
def test_a_server_that_repeats_credentials(network, answer, half):
    """No transcript shows them (guarantee 7)."""

    def exchange(argument):
        if half is AuthLogin:
            yield "334 VXNlcm5hbWU6"
            yield "334 UGFzc3dvcmQ6"
        yield answer if isinstance(answer, str) else answer[0]
        yield "535 5.7.8 No"

    seen = []
    net = network(offers=["AUTH PLAIN LOGIN"], AUTH=exchange)
    client = net.greeted(transcript=lambda *words: seen.append(f"{words[-1]}"), allow_insecure_auth=True)
    with contextlib.suppress(SMTPError, ProtocolError):
        net.result(client.authenticate(half("me", "Tr0ub4dor")))
    assert len(seen) > 4
    secrets = ["tr0ub4dor", RESPONSE.lower()[4:], b64(b"Tr0ub4dor").lower()]
    assert [(secret, each) for secret in secrets for each in seen if secret in each.lower()] == []


def test_after_a_login_replies_are_shown(network):
    seen = []
    net = network(offers=["AUTH PLAIN"], NOOP="250 2.0.0 me")
    client = net.greeted(transcript=lambda *words: seen.append(words[-1]), allow_insecure_auth=True)
    net.result(client.authenticate(Plain("me", "secret")))
    net.result(client.noop())
    assert seen[-2:] == ["NOOP", "250 2.0.0 me"]


def test_a_command_of_ones_own_is_shown_but_for_a_login(network):
    seen = []
    net = network()
    client = net.greeted(transcript=lambda *words: seen.append(words[-1]))
    net.result(client.command("XTEST", "one", "two"))
    net.result(client.command("AUTH", "PLAIN", RESPONSE))
    assert [line for line in seen if "250" not in line][-2:] == ["XTEST one two", "AUTH PLAIN [credentials]"]


def test_control_characters_are_shown_not_sent_to_the_terminal(network):
    seen = []
    net = network(NOOP=b"250 \x1b[2J\xff\xc3\xbc\r\n")
    net.result(net.greeted(transcript=lambda *words: seen.append(words[-1])).noop())
    assert seen[-1] == r"250 \x1b[2J\\xff\xfc"


def test_into_the_log(network):
    events = []
    globalLogPublisher.addObserver(events.append)
    try:
        net = network()
        net.result(connect(net, tls="none", transcript=True, reactor=net.clock))
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert [event["line"] for event in events if event["speaker"] == "C"] == ["EHLO [192.0.2.25]"]


def test_nothing_by_default(network):
    events = []
    globalLogPublisher.addObserver(events.append)
    try:
        net = network()
        net.result(connect(net, tls="none", reactor=net.clock))
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert events == []
