"""opendkim accepts what `DKIMSigner` has signed, whatever is in the message, after SMTP has carried it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop import milter_programs
from tests.interop.conftest import need
from tests.interop.filtered import behind, letter, send
from tests.interop.milter_page import OPENDKIM_VERIFIES
from txsmtpx.wire.dkim_key import DKIMKey
from txsmtpx.wire.dkim_signer import DKIMSigner

RSA = DKIMKey.generated("2030a", "example.org")
ED25519 = DKIMKey.generated("2030b", "example.org", "ed25519")


@pytest.fixture(scope="module")
def verifying(room: Callable[[str], Path]) -> Iterator[Path]:
    """An opendkim that knows the records of both keys."""
    need("opendkim")
    dns = "".join(f"{key.record_name} {key.record}\n" for key in (RSA, ED25519))
    with milter_programs.opendkim(room("opendkim-signer"), OPENDKIM_VERIFIES, dns) as path:
        yield path


MESSAGES = [
    letter(),
    letter(body=b""),
    letter(body=b".\r\n..\r\n.a\r\n \r\nend \r\n\r\n\r\n"),
    letter(b"Subject:   two  spaces\r\n\tand a fold ", b"X-8: \xff", b"Reply-To: \xc3\xbc <u@example.org>"),
    letter(body="Grüße\r\n".encode() + b"\xff\xfe\r\n"),
    letter(body=b"x" * 990 + b"\r\n" + b"line\r\n" * 40_000),
]


@pytest.mark.parametrize("keys", [[RSA], [ED25519], [RSA, ED25519]])
def test_signatures_are_accepted(verifying: Path, keys: list[DKIMKey]) -> None:
    """Of messages with dots, spaces, empty lines, 8-bit octets and long lines."""
    signer = DKIMSigner(keys)
    with behind(verifying) as server:
        for message in MESSAGES:
            send(server, signer.signed(message))
        received = [each.content for each in server.messages]
    assert [content.endswith(message) for content, message in zip(received, MESSAGES, strict=True)] == [True] * 6
    for content in received:
        assert re.match(rb"Authentication-Results: mx\.example\.org;\s+dkim=pass", content), content[:400]


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed + b"more\r\n",
        lambda signed: signed.replace(b"Subject: Lunch", b"Subject: Dinner"),
        lambda signed: signed.replace(b"To: you", b"Cc: eve@example.com\r\nTo: you"),
        lambda signed: signed.replace(b"To: you", b"Subject: Dinner\r\nTo: you"),
    ],
)
def test_a_change_is_noticed(verifying: Path, change: Callable[[bytes], bytes]) -> None:
    """Also a field that was not there before."""
    with behind(verifying) as server:
        send(server, change(DKIMSigner([RSA]).signed(letter())))
        (received,) = server.messages
    assert "dkim=fail" in received.message["Authentication-Results"]
