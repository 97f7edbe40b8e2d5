"""The prepared replies of a `ScriptedServer`: what is refused when it is given."""

from __future__ import annotations

import pytest

from txsmtpx.testing.prepared_replies import prepared_replies


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"RCPT": "55 No"}, "RCPT: '55 No' is no reply; write it as '550 5.1.1 No'"),
        ({"RCPT": "650 5.1.1 No"}, "RCPT: .650 5.1.1 No. is no reply"),
        ({"RCPT": "199 Hm"}, "RCPT: .199 Hm. is no reply"),
        ({"RCPT": ["250 2.1.5 Ok", "5505.1.1 No"]}, "RCPT: '5505.1.1 No' is no reply"),
        ({"EHLO": "250-me\n25 SIZE"}, "EHLO: .* is no reply"),
        ({"rcpt": "550 5.1.1 No"}, "'rcpt' is no verb in upper case; did you mean RCPT?"),
        ({"RCPT TO": "550 5.1.1 No"}, "'RCPT TO' is no verb in upper case"),
    ],
)
def test_a_wrong_value(given, message):
    with pytest.raises(ValueError, match=message):
        prepared_replies(given)


def test_a_wrong_type():
    with pytest.raises(TypeError, match="RCPT must be a reply, a function or a list of these, not 550"):
        prepared_replies({"RCPT": ["250 2.1.5 Ok", 550]})


def test_names():
    given = {"GREETING": "220 me", "END": ["250 2.0.0 Ok"], "XTEST": b"25", "MAIL": "nonsense"}
    assert prepared_replies(given) == {"": "220 me", ".": ["250 2.0.0 Ok"], "XTEST": b"25", "MAIL": "nonsense"}
