"""The negotiation: its octets, and what holds after it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.values import NEGOTIATION
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.negotiation import (
    ALL_ACTIONS,
    ALL_STEPS,
    Actions,
    MacroStage,
    Negotiation,
    Steps,
    agreed,
    decode,
    description,
)

OCTETS = b"\0\0\0\x06\0\0\x01\x10\0\0\x04\x50"
MACROS = b"\0\0\0\x01{tls_version}  {cipher}\0\0\0\0\x05i,j\0"


def test_its_octets():
    small = Negotiation(6, Actions.CHANGE_HEADERS | Actions.SET_MACROS, Steps(0x450))
    assert (small.encode(), decode(OCTETS)) == (OCTETS, small)


def test_the_macros_of_a_filter():
    found = decode(OCTETS + MACROS).macros
    assert found == {MacroStage.HELLO: (b"{tls_version}", b"{cipher}"), MacroStage.END_OF_MESSAGE: (b"i", b"j")}


def test_all_that_the_server_offers():
    assert Negotiation().encode() == b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"
    assert sum(Actions) == ALL_ACTIONS
    assert sum(Steps) == ALL_STEPS


@given(NEGOTIATION)
def test_there_and_back(negotiation):
    assert decode(negotiation.encode()) == negotiation


@pytest.mark.parametrize("cut", [n for n in range(len(OCTETS + MACROS)) if n not in (12, 40)])
def test_cut_at_every_position(cut):
    with pytest.raises(MilterProtocolError):
        decode((OCTETS + MACROS)[:cut])


@given(st.binary(max_size=60))
def test_any_octets(octets):
    with contextlib.suppress(MilterProtocolError):
        assert decode(octets).encode()[:12] == octets[:12]


@pytest.mark.parametrize(("actions", "text"), [
    (Actions(0), "milter version 6, may change nothing"),
    (Actions.SET_MACROS, "milter version 6, may change nothing"),
    (Actions.ADD_RECIPIENTS_WITH_ARGUMENTS, "milter version 6, may add recipients"),
    (ALL_ACTIONS, "milter version 6, may add header fields, change header fields, change the body, change the sender, "
     "add recipients, delete recipients, quarantine messages"),
])  # fmt: skip
def test_what_an_operator_sees(actions, text):
    assert description(Negotiation(6, actions)) == text


def test_what_holds():
    answer = Negotiation(2, Actions.QUARANTINE, Steps.NO_BODY | Steps.SKIP, {1: (b"i",)})
    offer = Negotiation(6, ALL_ACTIONS, Steps.NO_BODY | Steps.NO_HEADERS)
    assert agreed(offer, answer) == Negotiation(2, Actions.QUARANTINE, Steps.NO_BODY, {1: (b"i",)})


@pytest.mark.parametrize(("answer", "text"), [
    (Negotiation(7), "the filter has version 7, the server 2 to 6"),
    (Negotiation(1), "the filter has version 1, the server 2 to 6"),
    (Negotiation(6, Actions(0x600)), "the filter wants actions that were not offered: 0x600"),
])  # fmt: skip
def test_what_no_server_can_agree_to(answer, text):
    with pytest.raises(MilterProtocolError, match=f"^{text}$"):
        agreed(Negotiation(), answer)
