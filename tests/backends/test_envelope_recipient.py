"""A recipient as a value of JSON.  How it is read from text is in test_envelope_fields."""

from __future__ import annotations

import pytest

from txsmtpx.backends.envelope_recipient import EnvelopeRecipient, only
from txsmtpx.grammar.option_value import OriginalRecipient


@pytest.mark.parametrize(
    ("recipient", "value"),
    [
        (EnvelopeRecipient("b@example.org"), "b@example.org"),
        (EnvelopeRecipient("b@example.org", ()), {"address": "b@example.org", "notify": []}),
        (
            EnvelopeRecipient("b@example.org", orcpt=OriginalRecipient("rfc822", "c;d@example.org")),
            {"address": "b@example.org", "orcpt": "rfc822;c;d@example.org"},
        ),
    ],
)
def test_a_value(recipient, value):
    assert recipient.as_json() == value
    assert EnvelopeRecipient.parsed(value) == recipient


def test_the_type_of_a_value():
    assert only(list, [1]) == [1]
    with pytest.raises(ValueError, match=r"^not dict$"):
        only(dict, [1])
