"""
The attacks of `tests.hunt.attacks`: the replies and messages that they may get, the same for every cut (guarantees 1 to
5).

In the clear and inside TLS, with a backend that answers at once and with one that takes its time.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.hunt import cuts
from tests.hunt.attacks import FAMILIES, Attack
from tests.hunt.secured import Secured
from tests.hunt.victim import Suffered, suffer
from txsmtpx.testing import Conversation

each = pytest.mark.parametrize("attacks", FAMILIES.values(), ids=FAMILIES)


def expect(attack: Attack, conversation: Any = Conversation) -> Suffered:
    """What becomes of it whole, which is what must become of it."""
    suffered = suffer([attack.octets], conversation, **attack.settings)
    assert suffered.codes == attack.codes, attack.name
    assert suffered.messages == attack.messages, attack.name
    assert ("mail", "evil@example.com") not in suffered.asked, attack.name
    return suffered


@each
def test_every_cut(attacks):
    for attack in attacks:
        expected = expect(attack)
        for segments in cuts.singly(attack.octets, attack.core):
            assert suffer(segments(attack.octets, 0), **attack.settings) == expected, attack.name


@each
def test_a_backend_that_takes_its_time(attacks):
    for attack in attacks:
        expected = expect(attack)
        for segments in cuts.few(attack.octets, 5):
            assert suffer(segments(attack.octets, 0), slow=True, **attack.settings) == expected, attack.name


@each
@pytest.mark.parametrize("slow", [False, True], ids=["at once", "slow"])
def test_a_client_that_sends_no_more_gets_the_same(attacks, slow):
    for attack in attacks:
        expected = expect(attack)._replace(closed=True)
        for segments in cuts.few(attack.octets, 2):
            suffered = suffer(segments(attack.octets, 0), slow=slow, half_closes=True, **attack.settings)
            assert suffered == expected, attack.name


@each
def test_inside_tls(attacks, pem):
    secured = partial(Secured, pem=pem)
    for attack in attacks[::2]:  # each is there in several states
        expected = expect(attack, secured)
        for segments in cuts.few(attack.octets, 2):
            assert suffer(segments(attack.octets, 0), secured, **attack.settings) == expected, attack.name
