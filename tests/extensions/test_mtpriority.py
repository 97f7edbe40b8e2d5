"""RFC 6710: the profile that a server announces, and a priority that a backend sees; for the values see ``rows.py``."""

from __future__ import annotations

import pytest

from txsmtpx.extensions.mtpriority import MT_PRIORITY
from txsmtpx.testing import Conversation


@pytest.mark.parametrize(("profile", "line"), [("", "250 MT-PRIORITY"), ("MIXER", "250 MT-PRIORITY MIXER")])
def test_announced_with_the_profile(profile: str, line: str) -> None:
    """§4.1, RFC 6758."""
    talk = Conversation(extensions=[MT_PRIORITY], priority_profile=profile)
    assert talk.ask("EHLO client.example")[-1] == line
    talk.hang_up()


def test_every_priority() -> None:
    (parameter,) = MT_PRIORITY.mail
    assert [parameter.decode(parameter.encode(each)) for each in range(-9, 10)] == list(range(-9, 10))


@pytest.mark.parametrize("priority", [-10, 10, 100])
def test_no_other_is_written(priority: int) -> None:
    (parameter,) = MT_PRIORITY.mail
    with pytest.raises(ValueError, match="a number from -9 to 9"):
        parameter.encode(priority)


def test_a_server_offers_it_only_if_its_backend_can() -> None:
    talk = Conversation()
    assert not any("MT-PRIORITY" in line for line in talk.ask("EHLO client.example"))
    assert talk.ask("MAIL FROM:<me@example.com> MT-PRIORITY=3") == ["555 5.5.4 Parameter not recognized: MT-PRIORITY"]
    talk.hang_up()
