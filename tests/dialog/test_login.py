"""How a client begins AUTH (RFC 4954 §4): `txsmtpx.dialog.login`."""

from __future__ import annotations

import base64

import pytest
from twisted.internet.defer import ensureDeferred

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_wire import ClientWire
from txsmtpx.dialog.login import MOST_CHALLENGES, log_in
from txsmtpx.errors import ProtocolError, SMTPError
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


class Challenged:
    """Answers any number of challenges; it waits for the first, or begins."""

    name = "ANY"

    def __init__(self, initial: bytes | None = None) -> None:
        self.initial = initial

    def start(self) -> bytes | None:
        return self.initial

    def next(self, challenge: bytes) -> bytes:
        if challenge == b"fail":
            raise ValueError(f"no such challenge: {challenge.decode()} {self.initial!r}")
        return b"answer"


class Aborted(Wire):
    def abort(self) -> None:
        pass


MANY = [(MOST_CHALLENGES, None), (MOST_CHALLENGES + 1, "challenges without end")]


@pytest.mark.parametrize(("number", "error"), MANY)
def test_the_number_of_challenges_is_limited(number: int, error: str | None) -> None:
    wire = Aborted()
    dialog = ClientDialog(wire, EXTENSIONS)
    outcome = Outcome(ensureDeferred(log_in(dialog, Challenged())))  # type: ignore[arg-type]
    for _ in range(number):
        dialog.line_received(b"334 ")
    if error is None:
        dialog.line_received(b"235 2.7.0 Ok")
        assert outcome.result().code == 235
    else:
        with pytest.raises(ProtocolError, match=error):
            outcome.result()


def test_without_an_initial_response_nothing_but_the_mechanism_is_sent() -> None:
    wire = Wire()
    dialog = ClientDialog(wire, EXTENSIONS)
    outcome = Outcome(ensureDeferred(log_in(dialog, Challenged())))  # type: ignore[arg-type]
    assert wire.sent == [b"AUTH ANY\r\n"]
    dialog.line_received(b"535 5.7.8 XXXX")
    with pytest.raises(SMTPError, match="XXXX"):  # which is no secret
        outcome.result()


@pytest.mark.parametrize(("initial", "shown"), [(None, "no such challenge: fail None"), (b"secret1", "[credentials]")])
def test_an_error_of_a_mechanism_shows_no_secret(initial: bytes | None, shown: str) -> None:
    wire = Wire()
    dialog = ClientDialog(wire, EXTENSIONS)
    outcome = Outcome(ensureDeferred(log_in(dialog, Challenged(initial))))  # type: ignore[arg-type]
    dialog.line_received(b"334 " + base64.b64encode(b"fail"))
    assert wire.sent[-1] == b"*\r\n"
    dialog.line_received(b"501 5.7.0 Cancelled")
    with pytest.raises(ProtocolError) as caught:
        outcome.result()
    assert str(caught.value).endswith(f"AUTH ANY: {shown}")
