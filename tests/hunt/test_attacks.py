"""
The attacks of L{tests.hunt.attacks}: the replies and messages that they may get, the same for every cut (laws 1 to 5).

In the clear and inside TLS, with a backend that answers at once and with one that takes its time.
"""

from __future__ import annotations

from functools import partial

import pytest

from tests.hunt import cuts
from tests.hunt.attacks import ATTACKS
from tests.hunt.secured import Secured
from tests.hunt.victim import suffer

each = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


@each
def test_every_cut(attack):
    expected = suffer([attack.octets], **attack.settings)
    assert expected.codes == attack.codes
    assert expected.messages == attack.messages
    assert ("mail", "evil@example.com") not in expected.asked
    for segments in cuts.singly(attack.octets):
        assert suffer(segments(attack.octets, 0), **attack.settings) == expected


@each
def test_a_backend_that_takes_its_time(attack):
    expected = suffer([attack.octets], **attack.settings)
    for segments in cuts.few(attack.octets, 8):
        assert suffer(segments(attack.octets, 0), slow=True, **attack.settings) == expected


@each
def test_inside_tls(attack, pem):
    expected = suffer([attack.octets], partial(Secured, pem=pem), **attack.settings)
    assert expected.codes == attack.codes
    assert expected.messages == attack.messages
    for segments in cuts.few(attack.octets, 2):
        assert suffer(segments(attack.octets, 0), partial(Secured, pem=pem), **attack.settings) == expected
