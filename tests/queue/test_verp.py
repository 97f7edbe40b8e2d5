"""A sender that names the recipient is decoded as what it was made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.queue.verp import verp_decode, verp_encode

WORDS = st.text(alphabet="abcXYZ0189=._-", min_size=1, max_size=12).map(lambda word: f"a{word.replace('..', 'b')}z")
DOMAINS = st.sampled_from(["example.org", "a.b.example", "xn--bcher-kva.example"])


@given(WORDS, DOMAINS, WORDS, DOMAINS, st.sampled_from(["+", "#"]))
def test_it_is_decoded(local: str, domain: str, user: str, host: str, delimiter: str) -> None:
    sender, recipient = f"{local}@{domain}", f"{user}+tag@{host}"
    assert verp_decode(verp_encode(sender, recipient, delimiter), delimiter) == (sender, recipient)


@pytest.mark.parametrize(
    ("sender", "recipient", "why"),
    [
        ("list", "bob@example.net", "needs addresses with a domain"),
        ("list@example.org", "postmaster", "needs addresses with a domain"),
        ("", "bob@example.net", "needs addresses with a domain"),
        ("list@example.org", '"a b"@example.net', "quoted local parts"),
        ("list@example.org", f"{'x' * 250}@example.net", "has more than 256 octets"),
    ],
)
def test_what_cannot_be_encoded(sender: str, recipient: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        verp_encode(sender, recipient)


NONE = ["list@example.org", "list+bob@example.org", "+bob=x@y", "list+=x@y", "list+bob=@y", ""]


@pytest.mark.parametrize("address", NONE)
def test_what_names_no_recipient(address: str) -> None:
    with pytest.raises(ValueError, match="names no recipient"):
        verp_decode(address)
