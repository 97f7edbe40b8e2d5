"""What the transcript shows: every line both ways, secrets and messages left out."""

from __future__ import annotations

from twisted.logger import globalLogPublisher

from txsmtpx import Plain, connect


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
