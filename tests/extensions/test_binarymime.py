"""RFC 3030 §3: BINARYMIME, octets untouched from the caller to the backend."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, NotOffered
from txsmtpx.extensions import registry
from txsmtpx.testing import Conversation

BINARY = b"\x00\r\n.\r\n\n\r\r\n..\n\xff\xfe bare \r and \n\r\nQUIT\r\n\r"
OPTIONS = MailOptions(body="BINARYMIME")
POLICIES = ("normalize", "reject", "accept")


def pieces(octets: bytes) -> list[bytes]:
    """Cut where it hurts: after each CR."""
    return [piece for piece in octets.replace(b"\r", b"\r\0cut").split(b"\0cut") if piece]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
@pytest.mark.parametrize("make", [bytes, io.BytesIO, pieces, lambda octets: io.BytesIO(octets * 20000)],
                         ids=["bytes", "file", "pieces", "large"])  # fmt: skip
def test_untouched(make: Any, lmtp: bool, policy: str) -> None:
    ends = Ends(lmtp=lmtp, bare_newlines=policy)
    body = make(BINARY)
    sent = body.getvalue() if isinstance(body, io.BytesIO) else b"".join(body) if isinstance(body, list) else body
    ends.send("me@example.com", ["you@example.com"], body, OPTIONS)
    (received,) = ends.backend.messages
    assert received.content == sent
    assert received.options.body == "BINARYMIME"
    assert "BODY=BINARYMIME" in ends.words("MAIL")[0].split()
    ends.over()


@given(st.lists(st.binary(max_size=20) | st.text("\r\n.\0", max_size=6).map(str.encode), max_size=8))
def test_whatever_it_is(chunks: list[bytes]) -> None:
    ends = Ends()
    ends.send("me@example.com", ["you@example.com"], chunks, OPTIONS)
    assert ends.backend.messages[0].content == b"".join(chunks)
    ends.over()


def test_without_it_line_ends_are_made_whole() -> None:
    ends = Ends()
    ends.send("me@example.com", ["you@example.com"], b"a\nb\rc")
    assert ends.backend.messages[0].content == b"a\r\nb\r\nc\r\n"
    ends.over()


@pytest.mark.parametrize("missing", ["BINARYMIME", "CHUNKING"])
def test_not_offered(missing: str) -> None:
    ends = Ends()
    ends.client.extensions.pop(missing)
    ends.said.clear()
    with pytest.raises(NotOffered, match=f"^the server does not offer {missing}"):
        ends.send("me@example.com", ["you@example.com"], BINARY, OPTIONS)
    assert not ends.said
    ends.over()


def test_it_needs_chunking() -> None:
    without = [each for each in registry.offered_with(()) if each.keyword != "CHUNKING"]
    with pytest.raises(ValueError, match="BINARYMIME requires CHUNKING"):
        Conversation(extensions=without)
