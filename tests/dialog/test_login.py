"""How a client begins AUTH (RFC 4954 §4): `txsmtpx.dialog.login`."""

from __future__ import annotations

import base64

import pytest
from twisted.internet.defer import ensureDeferred

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_wire import ClientWire
from txsmtpx.dialog.login import log_in
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.testing import Outcome


class Wire(ClientWire):
    """Writes down what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, octets: bytes, body: bytes = b"") -> None:
        self.sent.append(octets)

    def abort(self) -> None:
        pytest.fail("there is no reason to")


class Mechanism:
    """Has an initial response of so many octets."""

    name = "FOUR"

    def __init__(self, octets: int) -> None:
        self.initial = b"x" * octets

    def start(self) -> bytes:
        return self.initial


@pytest.mark.parametrize(("octets", "codes"), [(375, [235]), (378, [334, 235])])
def test_the_initial_response_waits_where_the_line_would_be_too_long(octets: int, codes: list[int]) -> None:
    wire = Wire()
    dialog = ClientDialog(wire, EXTENSIONS)
    outcome = Outcome(ensureDeferred(log_in(dialog, Mechanism(octets))))  # type: ignore[arg-type]
    for code in codes:
        assert not outcome.fired
        dialog.line_received(b"%d " % code)
    assert outcome.result().code == codes[-1]
    response = base64.b64encode(b"x" * octets)
    assert b"".join(wire.sent).replace(b"FOUR\r\n", b"FOUR ") == b"AUTH FOUR " + response + b"\r\n"
    assert [len(line) <= 512 for line in wire.sent[:1]] == [True]
    assert len(wire.sent) == len(codes)
