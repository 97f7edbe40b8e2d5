"""
Every mix of CR, LF, dot and NUL around the end of the data (RFC 5321 §4.1.1.4, §4.5.2): guarantee 4.

What a server must find in it is said by a model that goes octet by octet; what it has found is handed on by our client,
and must not hold an end for the most credulous of next servers either.
"""

from __future__ import annotations

import itertools
import re

import pytest

from tests.grammar.octetwise import model
from tests.hunt import cuts
from tests.hunt.attacks import DATA, NOOP
from tests.hunt.victim import suffer
from txsmtpx.grammar.transparency import Stuffer

POLICIES = ["normalize", "reject", "accept"]

SMUGGLED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nevil"
END = b"\r\n.\r\n"

MIXES = [
    b"".join(mix) for length in (1, 2, 3, 4, 5) for mix in itertools.product([b"\r", b"\n", b".", b"\0"], repeat=length)
]

CREDULOUS = re.compile(rb"[\r\n]\.[\r\n]")
"""What some server or other has been seen to take for the end (CVE-2023-51764, -51765, -51766)."""


@pytest.mark.parametrize("policy", POLICIES)
def test_every_mix(policy):
    for mix in MIXES:
        data = b"a" + mix + SMUGGLED + END
        message, end, bare = model(data, policy)
        found = suffer([DATA + data + NOOP], bare_newlines=policy)
        one_by_one = suffer(cuts.one_by_one(DATA + data + NOOP, 0), bare_newlines=policy)
        assert one_by_one == found, mix
        refused = bare and policy == "reject"
        if end == len(data):  # so it is one message, and no more
            assert found.codes == f"220 250 250 250 354 {550 if refused else 250} 250", mix
            assert [word for method, word in found.asked if method == "mail"] == ["me@example.com"]
        assert found.messages[:1] == (() if refused else (message,)) or (refused and end < len(data)), mix


@pytest.mark.parametrize(
    "mix",
    [
        b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\r\n.\r\n",
        b"\r\r\n.\r\r\n", b"\r\n.\r\r\n", b"\r\r\n.\n", b"\n.\r\r\n", b"\r\r\n.\r", b"\r\r\r\n.\r\r\r\r\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_known_to_work_elsewhere_at_every_cut(mix, policy):
    octets = DATA + b"a" + mix + SMUGGLED + END + NOOP
    expected = suffer([octets], bare_newlines=policy)
    for segments in cuts.ways(octets):
        assert suffer(segments(octets, 0), bare_newlines=policy) == expected


def test_nothing_is_smuggled_further_on():
    """From a server of ours to the next, by our client: by DATA, whether the message came by DATA or by BDAT."""
    for mix in MIXES:
        message, _, _ = model(b"a" + mix + SMUGGLED + END, "normalize")
        assert re.search(rb"(?<!\r)\n|\r(?!\n)", message) is None
        for content in (message, b"a" + mix + SMUGGLED):
            for at in (0, 1, 2, 3):
                stuffer = Stuffer()
                sent = stuffer.feed(content[:at]) + stuffer.feed(content[at:]) + stuffer.finish()
                assert [match.end() for match in CREDULOUS.finditer(b"\r\n" + sent)] == [len(sent) + 1], mix
