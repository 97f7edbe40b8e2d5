"""
Our client and our server, on wires that cut what each says: the message arrives, and each recipient has his outcome.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.hunt import cuts
from tests.hunt.wire_tap import CuttingNetwork
from txsmtpx import Certificate, Plain, SMTPError, SMTPServerFactory
from txsmtpx.extensions import registry
from txsmtpx.testing import RecordingBackend, Segments, whole

BODY = b".\r\n..\r\na\r\n.\r\nQUIT\r\n\r\n" + b"x" * 70 + b"\r\n.\r\n"
RECIPIENTS = ["one@example.net", "two@example.net", "three@example.net"]

WITHOUT: dict[str, set[str]] = {
    "chunks": set(),
    "dots": {"CHUNKING", "BINARYMIME"},
    "one command at a time": {"CHUNKING", "BINARYMIME", "PIPELINING"},
}

each_way = pytest.mark.parametrize("without", WITHOUT.values(), ids=WITHOUT)
each_protocol = pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])


class Second(RecordingBackend):
    """Refuses the second recipient, and the message for the third, where that can be told."""

    def asked(self, method: str, *arguments: Any) -> Any:
        super().asked(method, *arguments)
        if method == "rcpt" and arguments[0] == RECIPIENTS[1]:
            raise SMTPError(550, (5, 1, 1), "Nobody\nhere")

    async def keep(self, message: Any, context: Any, outcome: Any = None) -> Any:
        await super().keep(message, context)
        context.set_status(RECIPIENTS[2], SMTPError(452, (4, 2, 2), "Full"))
        return "Stored"


def of_size(octets: int) -> Segments:
    """Segments of so many octets."""
    return lambda data, at: [data[n : n + octets] for n in range(0, len(data), octets)]


def send(
    without: set[str], lmtp: bool, to_client: Segments = whole, to_server: Segments = whole, pem: Any = None
) -> tuple[Any, CuttingNetwork]:
    """What the client made of it and what the server got; and the wires."""
    clock, backend = Clock(), Second({"user": "secret"})
    extensions = [each for each in registry.offered_with(()) if each.keyword not in without]
    tls = None if pem is None else Certificate(str(pem.certificate), str(pem.key))
    factory = SMTPServerFactory(
        backend, lmtp=lmtp, reactor=clock, extensions=extensions, tls=tls, allow_insecure_auth=True
    )
    net = CuttingNetwork(factory, to_client=to_client, to_server=to_server, clock=clock)
    client = net.greeted(lmtp=lmtp, allow_insecure_auth=True)
    if pem is not None:
        net.result(client.start_tls(pem.client_options()))
    net.result(client.authenticate(Plain("user", "secret")))
    came: list[Any] = []
    for _ in range(2):
        try:
            result = net.result(client.send("me@example.org", RECIPIENTS, BODY))
        except SMTPError as error:
            came.append(repr(error))
        else:
            came.append([[(who, reply.code) for who, reply in each] for each in (result.accepted, result.refused)])
    net.result(client.quit())
    net.hang_up()
    assert [message.content for message in backend.messages] == [BODY, BODY]
    return came, net


@each_way
@each_protocol
def test_every_cut(without, lmtp):
    expected, net = send(without, lmtp)
    assert expected == [[[(RECIPIENTS[0], 250)], [(RECIPIENTS[1], 550), (RECIPIENTS[2], 452)]]] * 2  # by PRDR in SMTP
    for size in (1, 2, 3, 5, 7, 11, 64):
        assert send(without, lmtp, of_size(size), of_size(size))[0] == expected
    for segments in cuts.few(net.said, 30):
        assert send(without, lmtp, to_client=segments)[0] == expected
    for segments in cuts.few(net.heard, 30):
        assert send(without, lmtp, to_server=segments)[0] == expected


@each_way
@each_protocol
def test_inside_tls(without, lmtp, pem):
    """Where the cut goes through records, and through the handshake."""
    expected, _ = send(without, lmtp, pem=pem)
    for size in (1, 3, 17, 100):
        assert send(without, lmtp, of_size(size), of_size(size), pem)[0] == expected
