"""Trace fields (RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3)."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

import pytest

from txsmtpx.grammar import trace


def test_return_path_and_delivered_to():
    assert trace.return_path("") == b"Return-Path: <>\r\n"
    assert trace.return_path("me@example.com") == b"Return-Path: <me@example.com>\r\n"
    assert trace.delivered_to("jürgen@example.com") == "Delivered-To: jürgen@example.com\r\n".encode()


def received(**facts) -> str:
    given = {
        "helo": "client.example", "peer": "192.0.2.1", "domain": "mx.example.org", "protocol": "ESMTP",
        "queue_id": "ABC1", "recipient": None, "when": 1.5e9,
    }  # fmt: skip
    header = trace.received(**(given | facts))
    assert header.endswith(b"\r\n")
    assert header.count(b"\n") == header.count(b"\r\n") == header.count(b"\n\t") + 1
    return BytesParser(policy=policy.SMTP).parsebytes(header)["Received"]


def test_received():
    words, _, when = received().partition(";")
    expected = "from client.example ([192.0.2.1]) by mx.example.org (txsmtpx) with ESMTP id ABC1"
    assert words.replace("\t", " ") == expected
    assert parsedate_to_datetime(when).timestamp() == 1.5e9


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"peer": "2001:db8::1"}, "from client.example ([IPv6:2001:db8::1])"),
        ({"peer": ""}, "from client.example\tby"),
        ({"helo": "", "peer": ""}, "from unknown"),
        ({"helo": "a\r\nX-Injected: 1", "peer": ""}, "from a??X-Injected:?1"),
        ({"helo": "(a);<b>\\", "peer": ""}, "from ?a???b??"),
        ({"helo": "bücher.example", "peer": ""}, "from xn--bcher-kva.example\tby"),
        ({"helo": "bücher\u3002example", "peer": ""}, "from b?cher?example\tby"),
        ({"recipient": "you@example.com"}, "for <you@example.com>;"),
        ({"recipient": "you@bücher.example"}, "for <you@xn--bcher-kva.example>;"),
        ({"recipient": "yöu@bücher.example"}, "for <yöu@xn--bcher-kva.example>;"),
        ({"recipient": "you@example.com", "priority": -3}, "for <you@example.com> PRIORITY -3;"),
        ({"priority": 0}, "id ABC1 PRIORITY 0;"),
    ],
)
def test_received_details(facts, said):
    assert said.replace("\t", " ") in received(**facts).replace("\t", " ")


def test_received_has_a_zone_that_is_known():
    """-0000 says that nobody knows (RFC 5322 §3.3)."""
    header = trace.received(
        helo="a", peer="", domain="mx", protocol="SMTP", queue_id="1", recipient=None, when=1_700_000_000.0
    )
    assert not header.endswith(b"-0000\r\n")
