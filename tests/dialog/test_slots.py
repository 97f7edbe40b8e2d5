"""Whose outcome it is: the position, the exact name, or any name of the same mailbox."""

from __future__ import annotations

import pytest

from txsmtpx.dialog.slots import Slot, Slots
from txsmtpx.grammar import replies

RECIPIENTS = ["one@b\u00fccher.example", "kate@x.example", "ONE@xn--bcher-kva.example", "caf\u00e9@x.example"]


def found(slots: Slots, recipient: str) -> int:
    """The position of the slot that is found, which then has its reply."""
    slot = slots.find(recipient, lambda slot: slot.reply is None, None)
    assert isinstance(slot, Slot)
    assert slots.freeze(slot, replies.OK_250)
    return slots.made.index(slot)


@pytest.mark.parametrize(
    ("recipients", "positions"),
    [
        (["ONE@xn--bcher-kva.example"], [2]),
        (["one@xn--bcher-kva.example", "One@B\u00dcCHER.example"], [0, 2]),
        (["Kate@X.Example", "CAFe\u0301@x.example"], [1, 3]),
        (['"kate"@x.example', "caf\u00e9@x.example"], [1, 3]),
    ],
)
def test_a_mailbox_is_found_however_it_is_written(recipients, positions):
    slots = Slots(RECIPIENTS)
    assert [found(slots, each) for each in recipients] == positions


@pytest.mark.parametrize("stranger", ["\u212aate@x.example", "one@bucher.example", "cafe@x.example", "kate@x", ""])
def test_no_other_mailbox_is(stranger):
    with pytest.raises(ValueError, match="no recipient"):
        found(Slots(RECIPIENTS), stranger)
