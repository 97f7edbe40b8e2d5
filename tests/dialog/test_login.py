"""How a client begins AUTH (RFC 4954 §4): L{txsmtpx.dialog.login}."""

from __future__ import annotations

import base64

import pytest
from twisted.internet.defer import ensureDeferred, succeed

from txsmtpx import Reply
from txsmtpx.dialog.login import log_in


class Dialog:
    """Writes down what is sent, and answers with the replies it was given."""

    def __init__(self, *codes: int) -> None:
        self.replies = [Reply(code, None) for code in codes]
        self.sent: list[bytes] = []

    def send(self, verb: str, *words: str):
        self.sent.append(f"{' '.join([verb, *words])}\r\n".encode())
        return self.expect(verb, "command")

    def expect(self, verb: str, phase: str):
        return succeed(self.replies.pop(0))


class Mechanism:
    """Has an initial response of so many octets."""

    name = "FOUR"

    def __init__(self, octets: int) -> None:
        self.initial = b"x" * octets

    def start(self) -> bytes:
        return self.initial


@pytest.mark.parametrize(("octets", "codes"), [(375, [235]), (378, [334, 235])])
def test_the_initial_response_waits_where_the_line_would_be_too_long(octets: int, codes: list[int]) -> None:
    dialog = Dialog(*codes)
    ensureDeferred(log_in(dialog, Mechanism(octets), dialog.sent.append))  # type: ignore[arg-type]
    response = base64.b64encode(b"x" * octets)
    assert b"".join(dialog.sent).replace(b"FOUR\r\n", b"FOUR ") == b"AUTH FOUR " + response + b"\r\n"
    assert [len(line) <= 512 for line in dialog.sent[:1]] == [True]
    assert len(dialog.sent) == len(codes)
    assert dialog.replies == []
