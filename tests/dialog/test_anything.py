"""
Any octets in any state: replies or a hang-up, never an exception, and nothing in the log that is a failure.

tests/conftest.py fails a test in which one is logged; the connection is lost at the end of each, so this holds for
every place at which a peer may go, too.
"""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from txsmtpx.testing import Conversation, RecordingBackend

MAIL = b"MAIL FROM:<me@example.com>\r\nRCPT TO:<you@example.com>\r\n"
STATES = {
    "fresh": b"",
    "hello": b"EHLO client.example\r\n",
    "mail": b"EHLO client.example\r\nMAIL FROM:<me@example.com>\r\n",
    "rcpt": b"EHLO client.example\r\n" + MAIL,
    "data": b"EHLO client.example\r\n" + MAIL + b"DATA\r\n",
    "chunk": b"EHLO client.example\r\n" + MAIL + b"BDAT 1\r\na",
    "within chunk": b"EHLO client.example\r\n" + MAIL + b"BDAT 10\r\na",
    "auth": b"EHLO client.example\r\nAUTH PLAIN\r\n",
    "auth login": b"EHLO client.example\r\nAUTH LOGIN dXNlcg==\r\n",
    "authenticated": b"EHLO client.example\r\nAUTH PLAIN AHUAcA==\r\n",
}
REPLY = re.compile(r"[2-5][0-9][0-9][ -].*")
ENHANCED = re.compile(r"(?:2|4|5)[0-9][0-9][ -]([245])\.[0-9]{1,3}\.[0-9]{1,3} .*")

words = st.sampled_from(
    [b"EHLO ", b"HELO a", b"LHLO a", b"MAIL FROM:<", b"me@example.com>", b"RCPT TO:<", b"DATA", b"BDAT ", b" LAST",
     b"5", b"AUTH PLAIN ", b"AUTH LOGIN", b"AHUAcA==", b"=", b"*", b"RSET", b"NOOP", b"VRFY a", b"EXPN a", b"HELP ",
     b"QUIT", b"STARTTLS", b" SIZE=1", b" SMTPUTF8", b" BODY=8BITMIME", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b".",
     b"\0", b"\xff", b'"', b"\\", b" ", b"\xc3\xbc", b"x" * 70, b"\r\n.\r\n"]
)  # fmt: skip
octets = st.lists(words | st.binary(max_size=20), max_size=20)


@settings(max_examples=100 * len(STATES))
@given(
    state=st.sampled_from(sorted(STATES)),
    segments=octets,
    lmtp=st.booleans(),
    policy=st.sampled_from(["normalize", "reject", "accept"]),
    require_auth=st.booleans(),
)
def test_any_octets_in_any_state(state, segments, lmtp, policy, require_auth):
    conversation = Conversation(
        RecordingBackend({"u": "p"}),
        lmtp=lmtp,
        bare_newlines=policy,
        require_auth=require_auth,
        allow_insecure_auth=True,
        max_message_bytes=60,
        max_line_length=100,
    )
    start = STATES[state].replace(b"EHLO", b"LHLO") if lmtp else STATES[state]
    if require_auth:
        start = start.replace(b".example\r\n", b".example\r\nAUTH PLAIN AHUAcA==\r\n", 1)
    conversation.send(start)
    hello = conversation.replies()
    assert all(REPLY.fullmatch(line) for line in hello)
    for segment in segments:
        conversation.send(segment)
        for line in conversation.replies():
            assert REPLY.fullmatch(line)
    conversation.clock.advance(60)  # slowed logins
    conversation.replies()
    conversation.hang_up()


@given(octets)
def test_an_enhanced_code_of_the_class_of_each_reply(segments):
    """Guarantee 2: on every line of every 2xx, 4xx and 5xx but the hello's; HELP and bodies stay out of it here."""
    conversation = Conversation(RecordingBackend({"u": "p"}), allow_insecure_auth=True)
    conversation.send(STATES["rcpt"])
    conversation.replies()
    for segment in segments:
        conversation.send(segment)
    for line in conversation.replies():
        if line.startswith("3"):
            assert not re.match(r"3[0-9][0-9].[245]\.[0-9]+\.[0-9]+", line)
        elif not re.match(r"250[ -](localhost|[A-Z0-9]+\b(?!\.))", line):
            match = ENHANCED.fullmatch(line)
            assert match
            assert match[1] == line[0]
    conversation.hang_up()


@given(st.binary(max_size=200), st.integers(0, 200))
def test_what_is_refused_by_bdat_is_never_a_command(chunk, size):
    """Guarantee 3, in every state in which BDAT is out of place, and in those in which it is not."""
    chunk = chunk[:size]
    for start in (b"", STATES["hello"], STATES["mail"], STATES["rcpt"], STATES["chunk"]):
        conversation = Conversation(max_message_bytes=100)
        conversation.send(start)
        conversation.replies()
        conversation.send(b"BDAT %d LAST\r\n" % len(chunk) + chunk + b"NOOP\r\n")
        first, second = conversation.replies()
        assert first[:3] in ("250", "503", "552")
        assert second == "250 2.0.0 Ok"
        conversation.hang_up()
