"""Our client and a server that delays, refuses or hangs up, at each phase: an error, once, that says what happened."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionClosed, TimeoutError

from tests.interop.clients import SENDER
from tests.interop.conftest import need
from tests.interop.messages import message
from tests.interop.receivers import smtp_sink
from txsmtpx import ProtocolError, RecipientsRefused, SMTPError, SMTPPool, Timeouts, connect, send_mail

RECIPIENTS = ["alice@example.test", "bob@example.test"]
SMALL = message("sink@client.test")
LARGE = SMALL + (b"x" * 900 + b"\r\n") * 10_000

PHASES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")
LMTP_PHASES = ("CONNECT", "LHLO", "MAIL", "RCPT", "DATA", ".")

EACH = [("smtp", phase) for phase in PHASES] + [("lmtp", phase) for phase in LMTP_PHASES]

# Without PIPELINING, and with it.
WAYS = {"ahead": [], "step by step": ["-p"]}


@pytest.fixture(autouse=True)
def _needed() -> None:
    need("smtp-sink")


def options(protocol: str, *more: str) -> list[str]:
    return ["-L"] * (protocol == "lmtp") + list(more)


def named(phase: str) -> str:
    """What an error calls the command."""
    return {"CONNECT": "greeting: ", ".": "DATA: "}.get(phase, f"{phase}: ")


def send(port: int, protocol: str, body: bytes = SMALL, **more: Any) -> Deferred[Any]:
    return send_mail(f"tcp:127.0.0.1:{port}", SENDER, RECIPIENTS, body, lmtp=protocol == "lmtp", **more)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
async def test_behaves(protocol: str, way: str, body: bytes) -> None:
    """What is shown below is the misbehaviour."""
    with smtp_sink(*options(protocol, *WAYS[way])) as port:
        result = await send(port, protocol, body)
    assert [recipient for recipient, _ in result.accepted] == RECIPIENTS
    assert not result.refused


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("option", "code"), [("-f", 500), ("-r", 450)], ids=["for good", "for now"])
@pytest.mark.parametrize(("protocol", "phase"), EACH)
async def test_refuses(protocol: str, phase: str, option: str, code: int, body: bytes) -> None:
    with smtp_sink(*options(protocol, option, phase)) as port:
        if phase == "RCPT" or (phase == "." and protocol == "lmtp"):
            said = rf"{named(phase)}{code}"
            with pytest.raises(RecipientsRefused, match=rf"^<alice@[^>]*>: {said} .*; <bob@[^>]*>: {said} ") as all_:
                await send(port, protocol, body)
            assert [(recipient, error.code) for recipient, error in all_.value.refused] == [
                (recipient, code) for recipient in RECIPIENTS
            ]
        elif phase == "EHLO" and code == 500:  # it might be a server of old
            result = await send(port, protocol, body, eight_bit="send")
            assert len(result.accepted) == 2
        else:
            with pytest.raises(SMTPError, match=rf"^{named(phase)}{code} .*command failed") as caught:
                await send(port, protocol, body)
            assert caught.value.code == code
            assert caught.value.temporary is (code == 450)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("protocol", "phase"), EACH)
async def test_hangs_up(protocol: str, phase: str, way: str, body: bytes) -> None:
    misbehaving = smtp_sink(*options(protocol, "-q", phase, *WAYS[way]))
    with misbehaving as port, pytest.raises(ConnectionClosed, match=r"(?i): connection "):
        await send(port, protocol, body)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("protocol", "phase"), EACH)
async def test_says_421(protocol: str, phase: str, way: str, body: bytes) -> None:
    """And hangs up; it is the error of whatever was awaited."""
    with smtp_sink(*options(protocol, "-Q", phase, *WAYS[way])) as port:
        with pytest.raises(SMTPError, match=rf"^{named(phase)}421 ") as caught:
            await send(port, protocol, body)
        assert caught.value.temporary


@pytest.mark.parametrize(("protocol", "phase"), EACH)
async def test_delays(protocol: str, phase: str) -> None:
    """Longer than we wait in this phase, though in no other."""
    clock = {"CONNECT": "greeting", "EHLO": "command", "LHLO": "command", ".": "end"}.get(phase, phase.lower())
    timeouts = Timeouts(**{clock: 0.2})
    with smtp_sink(*options(protocol, "-W", f"{phase}:10", "-p")) as port:
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=rf"no answer in time \({clock}\)"):
            await send(port, protocol, timeouts=timeouts)
        assert 0.2 <= time.monotonic() - began < 5


@pytest.mark.parametrize("phase", ["CONNECT", "RCPT", "."])
async def test_is_slow_but_not_too_slow(phase: str) -> None:
    with smtp_sink("-W", f"{phase}:1", "-p") as port:
        began = time.monotonic()
        result = await send(port, "smtp")
    assert len(result.accepted) == 2
    assert time.monotonic() - began >= 1


async def test_answers_in_the_wrong_order() -> None:
    """As this server does that delays one of several commands, and answers the others first."""
    nonsense = pytest.raises(ProtocolError, match=r"^no answer to DATA: 250 2\.1\.0 Ok$")
    with smtp_sink("-W", "MAIL:1") as port, nonsense:
        await send(port, "smtp")


async def test_does_not_read_the_message() -> None:
    too_late = pytest.raises(TimeoutError, match=r"no answer in time \(block\)")
    with smtp_sink("-H", "10", "-T", "8192") as port, too_late:
        await send(port, "smtp", LARGE * 3, timeouts=Timeouts(block=0.3))


async def test_answers_before_the_end_of_the_message() -> None:
    """It refuses, and reads no more: nothing but to hang up would stop us, and the refusal is what is told."""
    with smtp_sink("-A", "0") as port, pytest.raises(SMTPError, match=r"^DATA: 550 ") as caught:
        await send(port, "smtp", LARGE)
    assert not caught.value.temporary


async def test_hangs_up_at_the_farewell() -> None:
    """Nobody minds: the message has been taken."""
    with smtp_sink("-q", "QUIT") as port:
        assert len((await send(port, "smtp")).accepted) == 2


async def test_refuses_the_farewell() -> None:
    with smtp_sink("-f", "QUIT") as port:
        assert len((await send(port, "smtp")).accepted) == 2


async def test_has_no_esmtp() -> None:
    """HELO, then, and step by step."""
    said: list[str] = []
    with smtp_sink("-e", "-f", "EHLO") as port:
        await send(port, "smtp", eight_bit="send", transcript=lambda session, who, line: said.append(f"{who} {line}"))
    verbs = [line.split()[1] for line in said if line.startswith("C ") and line[2] != "["]
    assert verbs == ["EHLO", "HELO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]


async def test_the_next_message_after_a_refusal() -> None:
    """One connection, which goes on as long as the server does."""
    with smtp_sink("-f", ".") as port:
        client = await connect(f"tcp:127.0.0.1:{port}")
        for _ in range(3):
            with pytest.raises(SMTPError, match=r"^DATA: 500 "):
                await client.send(SENDER, RECIPIENTS, SMALL)
        assert (await client.noop()).code == 250
        await client.quit()


async def test_pool_survives_a_server_that_hangs_up() -> None:
    """It does so whenever a kept connection is to be used again."""
    with smtp_sink("-q", "RSET") as port:
        pool = SMTPPool(f"tcp:127.0.0.1:{port}", size=3)
        results = [await pool.send(SENDER, RECIPIENTS, SMALL) for _ in range(10)]
        await pool.stopService()
    assert [len(result.accepted) for result in results] == [2] * 10


@pytest.mark.parametrize("phase", PHASES)
async def test_cancelled(phase: str) -> None:
    """Whatever is awaited, the Deferred fires at once; that the connection is gone is seen to by all tests."""
    with smtp_sink("-W", f"{phase}:10", "-p") as port:
        sending = send(port, "smtp")
        reactor.callLater(0.2, sending.cancel)
        began = time.monotonic()
        with pytest.raises((CancelledError, ProtocolError), match=r"^$|cancelled"):
            await sending
        assert 0.1 < time.monotonic() - began < 5
