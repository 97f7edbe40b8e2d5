"""
Transcripts show no credentials (guarantee 7), however a client spells AUTH and whatever follows, in linear time
(guarantee 20).
"""

from __future__ import annotations

import base64
import time

import pytest

from tests.encoding import b64
from txsmtpx import SMTPError
from txsmtpx.testing import Conversation, RecordingBackend, one_by_one, whole
from txsmtpx.wire.transcript_recorder import Recorder

PASSWORD = "Tr0ub4dor"


PLAIN, USER, PASS = b64(f"\0me\0{PASSWORD}"), b64("me@example.org"), b64(PASSWORD)

SECRETS = [PASSWORD, PLAIN, PLAIN[:12], USER, PASS, PASS[:10], PASSWORD.lower()]

SPELLINGS = {
    "as it should be": f"AUTH PLAIN {PLAIN}",
    "small letters": f"auth plain {PLAIN}",
    "mixed": f"aUtH pLaIn {PLAIN}",
    "blanks before": f"   AUTH PLAIN {PLAIN}",
    "a tab before": f"\tAUTH PLAIN {PLAIN}",
    "blanks between": f"AUTH   PLAIN   {PLAIN}",
    "a tab between": f"AUTH PLAIN\t{PLAIN}",
    "a tab behind AUTH": f"AUTH\tPLAIN {PLAIN}",
    "a vertical tab": f"AUTH\x0bPLAIN\x0b{PLAIN}",
    "no blank": f"AUTHPLAIN {PLAIN}",
    "no blank at all": f"AUTHPLAIN{PLAIN}",
    "=": f"AUTH=PLAIN {PLAIN}",
    "= and nothing": f"AUTH={PLAIN}",
    ":": f"AUTH: PLAIN {PLAIN}",
    "the secret in the place of the mechanism": f"AUTH {PLAIN}",
    "a mechanism that there is not": f"AUTH MAGIC {PLAIN}",
    "the secret joined to the mechanism": f"AUTH PLAIN-{PLAIN}",
    "a word too many": f"AUTH PLAIN {PLAIN} {PLAIN}",
    "the password itself": f"AUTH PLAIN {PASSWORD}",
    "name and password": f"AUTH LOGIN me {PASSWORD}",
    "the word twice": f"AUTH AUTH PLAIN {PLAIN}",
    "within EHLO": f"EHLO client.example AUTH PLAIN {PLAIN}",
    "within EHLO, small": f"EHLO client.example auth=plain {PLAIN}",
    "within NOOP": f"NOOP AUTH PLAIN {PLAIN}",
    "within MAIL": f"MAIL FROM:<a@client.example> AUTH PLAIN {PLAIN}",
    "as a parameter of MAIL": f"MAIL FROM:<a@client.example> AUTH={PLAIN}",
    "a word before it": f"X AUTH PLAIN {PLAIN}",
    "as POP3 does": f"PASS {PASSWORD}",
    "as IMAP does": f"a1 LOGIN me {PASSWORD}",
    "as HTTP does": f"Authorization: Basic {b64(f'me:{PASSWORD}')}",
    "the secret alone": PLAIN,
    "the password alone": PASSWORD,
    "NUL before": f"\0AUTH PLAIN {PLAIN}",
    "NUL between": f"AUTH\0PLAIN {PLAIN}",
    "a byte order mark": f"\ufeffAUTH PLAIN {PLAIN}",
    "an escape": f"\x1b[0mAUTH PLAIN {PLAIN}",
    "a no-break space": f"AUTH\xa0PLAIN {PLAIN}",
    "letters like these": f"\uff21\uff35\uff34\uff28 PLAIN {PLAIN}",
    "a long s and the like": f"AUTH PLAIN\u2028{PLAIN}",
    "CR within": f"AUTH PLAIN\r{PLAIN}",
    "two CRs": f"AUTH PLAIN {PLAIN}\r",
    "pipelined after a refusal": f"AUTH LOGIN\r\n{USER}\r\n{PASS}",
    "pipelined after one that is unknown": f"AUTH NTLM\r\n{PLAIN}\r\n{PASS}",
    "pipelined after a malformed one": f"AUTH\r\n{PLAIN}",
    "pipelined in two steps": f"AUTH PLAIN\r\n{PLAIN}\r\n{PASS}",
    "RSET in the middle": f"AUTH LOGIN\r\nRSET\r\n{PASS}",
    "a step too many": f"AUTH LOGIN {USER}\r\n{PASS}\r\n{PASS}",
    "given up": f"AUTH LOGIN {USER}\r\n*\r\n{PASS}",
    "in a transaction": f"MAIL FROM:<a@client.example>\r\nAUTH PLAIN {PLAIN}\r\nRSET",
    "with a bare LF": f"AUTH PLAIN {PLAIN}\nNOOP",
    "in a refused message": f"DATA\r\nAUTH PLAIN {PLAIN}\r\n{PASSWORD}\r\n.",
    "too long": f"AUTH PLAIN {PLAIN}{PLAIN * 500}",
    "too long a step": f"AUTH PLAIN\r\n{PLAIN * 1000}\r\n{PASS}",
    "octets that are no UTF-8": f"AUTH PLAIN {PLAIN}".encode() + b"\xff\xfe",
}

SERVERS = {
    "offered": {"allow_insecure_auth": True},
    "not in the clear": {},
    "no logins": {"backend": RecordingBackend()},
    "LMTP": {"allow_insecure_auth": True, "lmtp": True},
    "bare LF refused": {"allow_insecure_auth": True, "bare_newlines": "reject"},
}


def transcript(*said, backend=None, hello=True, segments=whole, **settings):
    """Both sides, a line each: what is shown of ``said``."""
    lines = []
    client = Conversation(
        backend or RecordingBackend({"me": "another"}),
        transcript=lambda session, who, line: lines.append(f"{who}: {line}"),
        **settings,
    )
    if hello:
        client.ask("LHLO client.example" if settings.get("lmtp") else "EHLO client.example")
    for octets in said:
        for segment in segments(octets if isinstance(octets, bytes) else octets.encode(), 0):
            client.send(segment)
        client.clock.advance(10)
    client.hang_up()
    return lines


@pytest.mark.parametrize("said", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("segments", [whole, one_by_one], ids=["whole", "one by one"])
@pytest.mark.parametrize("hello", [True, False], ids=["after a hello", "before"])
def test_no_spelling_shows_credentials(said, server, segments, hello):
    said = said if isinstance(said, bytes) else said.encode()
    lines = transcript(said + b"\r\nNOOP\r\n", segments=segments, hello=hello, **server)
    assert [(secret, line) for secret in SECRETS for line in lines if secret.lower() in line.lower()] == []
    assert all(line.isprintable() for line in lines)


def test_what_is_shown_of_a_login():
    lines = transcript(
        "AUTH PLAIN\r\n", f"{PLAIN}\r\n", f"AUTH LOGIN {USER}\r\n", "*\r\n", "AUTH NTLM\r\n", f"AUTH MAGIC {PLAIN}\r\n",
        f"auth plain {PLAIN}\r\n", allow_insecure_auth=True, max_auth_failures=9,
    )  # fmt: skip
    assert lines[lines.index("C: AUTH PLAIN") :] == [
        "C: AUTH PLAIN",
        "S: 334 [credentials]",
        "C: [credentials]",
        "S: 535 5.7.8 Authentication credentials invalid",
        "C: AUTH LOGIN [credentials]",
        "S: 334 [credentials]",
        "C: *",
        "S: 501 5.7.0 Authentication cancelled",
        "C: AUTH NTLM",
        "S: 504 5.5.4 Authentication mechanism not offered",
        "C: AUTH [credentials]",
        "S: 504 5.5.4 Authentication mechanism not offered",
        "C: auth plain [credentials]",
        "S: 535 5.7.8 Authentication credentials invalid",
    ]


def test_what_is_shown_of_commands():
    shown = [
        "EHLO auth.example.org", "MAIL FROM:<auth@client.example> AUTH=<> SIZE=3", "RCPT TO:<author@localhost>", "RSET",
        "MAIL FROM:<> AUTH=me+40@client.example BODY=8BITMIME", "quit", "vrfy auth", "HELP AUTH", "NOOP", "LHLO x",
        "STARTTLS", "XCLIENT NAME=x", "MAIL", "DATA now",
    ]  # fmt: skip
    for line in shown:
        assert f"C: {line}" in transcript(f"{line}\r\n")
    for line in ["XYZZY please", "MAILFROM:<a@b>", " NOOP", "", "NO\0OP", "GET / HTTP/1.1"]:
        assert f"C: [unknown command, {len(line)} octets]" in transcript(f"{line}\r\n")
    assert "C: [5 octets of a message]" in transcript("MAIL FROM:<>\r\nRCPT TO:<b@localhost>\r\nBDAT 5 LAST\r\nhello")


@pytest.mark.parametrize("message", ["DATA\r\nhello\r\n.\r\n", "BDAT 5 LAST\r\nhello"])
def test_a_message_comes_before_its_reply(message):
    *_, octets, reply = transcript("MAIL FROM:<>\r\nRCPT TO:<b@localhost>\r\n", message)
    assert octets.endswith(" octets of a message]")
    assert reply.startswith("S: 250 2.0.0 Ok: queued as ")


ECHOES = {
    "the password": PASSWORD,
    "in another case": PASSWORD.upper(),
    "the line": PLAIN,
    "within a word": f"me/{PASSWORD}.",
    "on another line": f"no such\n{PASSWORD}\nhere",
    "the beginning": PLAIN[:9],
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_reply_that_repeats_credentials_is_hidden(echo):
    def refuse(*arguments):
        raise SMTPError(535, (5, 7, 8), f"Who is {echo}")

    backend = RecordingBackend({"me": "another"}, login=refuse)
    lines = transcript(f"AUTH PLAIN {PLAIN}\r\n", "NOOP\r\n", backend=backend, allow_insecure_auth=True)
    assert [line for line in lines for secret in SECRETS if secret.lower() in line.lower()] == []
    assert [line for line in lines if line[:6] == "S: 535"][-1].endswith("5.7.8 [credentials]") or "\n" in echo
    assert lines[-2:] == ["C: NOOP", "S: 250 2.0.0 Ok"]


def test_a_reply_that_repeats_a_long_token_in_two_pieces_is_hidden():
    token = "".join(f"{n:x}" for n in range(100, 500))

    def refuse(*arguments):
        raise SMTPError(535, (5, 7, 8), token)

    backend = RecordingBackend({"me": "another"}, login=refuse)
    response = b64(chr(0).join(["", "me", token]))
    lines = transcript(f"AUTH PLAIN {response}\r\n", backend=backend, allow_insecure_auth=True)
    said = [line for line in lines if line[:6] == "S: 535"]
    assert said == ["S: 535-5.7.8 [credentials]"] * (len(said) - 1) + ["S: 535 5.7.8 [credentials]"]
    assert len(said) > 1


HOSTILE = {
    "blanks": b" " * 12_000,
    "NOOP and blanks": b"NOOP" + b" " * 12_000,
    "AUTH and blanks": b"AUTH" + b" " * 12_000,
    "AUTH again and again": b"NOOP " + b"AUTH " * 2400,
    "AUTH= again and again": b"MAIL FROM:<> " + b"AUTH=a@b " * 1300,
    "AUTH= joined": b"MAIL FROM:<> " + b"AUTH=" * 2400 + b"@",
    "AUTH= joined, no address": b"MAIL FROM:<> " + b"AUTH=" * 2400,
    "A again and again": b"A" * 12_000,
    "=": b"AUTH PLAIN " + b"=" * 12_000,
    "many words": b"AUTH PLAIN " + b"a " * 6000,
    "many parts": b"AUTH PLAIN " + base64.b64encode(b"a\0" * 4500),
    "escapes": b"NOOP " + b"\x00\xff" * 6000,
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_every_line_takes_linear_time(line):
    def seconds(octets):
        best = 9.0
        for _ in range(5):
            recorder = Recorder(lambda *words: None, "session")
            began = time.perf_counter()
            recorder.client(octets)
            recorder.server(b"535 " + octets[:500])
            best = min(best, time.perf_counter() - began)
        return best

    assert seconds(line) < 0.005
    assert seconds(line * 8) < 24 * seconds(line) + 0.002
