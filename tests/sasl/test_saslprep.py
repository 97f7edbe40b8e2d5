"""SASLprep (RFC 4013): the one form, and that nothing long is brought into it (guarantee 20)."""

from __future__ import annotations

import time

import pytest

from tests.encoding import b64
from tests.sasl.exchanges import UNIFORM, ask, conversation
from txsmtpx.sasl.saslprep import MAX_LENGTH, saslprep
from txsmtpx.testing import RecordingBackend


@pytest.mark.parametrize(
    "text",
    [
        "\ufdfa" * (MAX_LENGTH // 18),
        "\xe9" * MAX_LENGTH,
        "e\u0301" * (MAX_LENGTH // 2),
        "\u0627" * MAX_LENGTH,
        "x" * 9000,
    ],
)
def test_what_is_not_too_long(text):
    assert saslprep(text)


@pytest.mark.parametrize(
    "text",
    [
        "\ufdfa" * 3000,
        "\ufdfa" * (MAX_LENGTH // 18 + 1),
        "\xe9" * (MAX_LENGTH + 1),
        "x" * MAX_LENGTH + "\xe9",
        "\xad" * (MAX_LENGTH + 1),
        "e" + "\u0316\u0301" * 5000,
        "x" * MAX_LENGTH + "\t",
    ],
)
def test_what_is_too_long_is_not_even_looked_at(text):
    began = time.process_time()
    for _ in range(100):
        with pytest.raises(ValueError, match="too long"):
            saslprep(text)
    assert time.process_time() - began < 0.5


LONG = ("\ufdfa" * 3000).encode()

MECHANISMS = {
    "PLAIN, a name": ["AUTH PLAIN", b"\0" + LONG[:7998] + b"\0x"],
    "PLAIN, a password": ["AUTH PLAIN", b"\0me\0" + LONG[:7998]],
    "LOGIN, a name": ["AUTH LOGIN", LONG, b"x"],
    "LOGIN, a password": ["AUTH LOGIN", b"me", LONG],
}


@pytest.mark.parametrize("lines", MECHANISMS.values(), ids=MECHANISMS)
def test_a_long_name_or_password_is_a_failed_login(lines):
    client = conversation(RecordingBackend({"me": "x"}))
    began = time.process_time()
    answer = ask(client, lines[0])
    for octets in lines[1:]:
        assert answer.startswith("334")
        answer = ask(client, b64(octets))
    assert answer == UNIFORM
    assert client.protocol.dialog.failed_logins == 1
    assert client.backend.calls == []
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize(
    ("text", "right"),
    [("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"), ("\u0007", None),
     ("\u0627\u0031", None)],
)  # fmt: skip
def test_the_examples_of_rfc_4013(text, right):
    if right is None:
        with pytest.raises(ValueError, match=r"character|mixed"):
            saslprep(text)
    else:
        assert saslprep(text) == right
