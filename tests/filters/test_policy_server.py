"""The settings of a policy server, and its check."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.filters.daemon import NEVER, REFUSED
from tests.filters.test_policy_filter import Asking
from txsmtpx.filters.policy_message import PolicyError
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.testing import Outcome


def test_the_check_connects() -> None:
    asking = Asking("RCPT", "DATA")
    text = Outcome(Deferred.fromCoroutine(asking.server.check())).result()
    assert text == "accepts connections, and is asked at RCPT, DATA"
    assert asking.daemon.pipes[0].aborted
    assert asking.daemon.pipes[0].asked == b""


@pytest.mark.parametrize("mode", [REFUSED, NEVER])
def test_the_check_of_a_server_that_is_not_there(mode: str) -> None:
    asking = Asking(mode=mode)
    outcome = Outcome(Deferred.fromCoroutine(asking.server.check()))
    asking.clock.advance(100)
    assert isinstance(outcome.error, PolicyError)
    assert not asking.clock.getDelayedCalls()


@pytest.mark.parametrize(("how", "error"), [
    ({"stages": ()}, "stages has none"),
    ({"stages": "RCPT"}, "stages must be"),
    ({"stages": ["rcpt"]}, "stages must be"),
    ({"timeout": 0}, "timeout is a number of seconds above 0, not 0"),
    ({"idle": float("inf")}, "idle is a number of seconds above 0, not inf"),
    ({"connections": 0}, "connections is a number from 1, not 0"),
    ({"context": 1}, "context must be text"),
    ({"stage": ["RCPT"]}, "did you mean stages"),
])  # fmt: skip
def test_settings_that_cannot_be_used(how: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        PolicyServer("unix:/run/x.sock", reactor=Clock(), **how)


def test_an_endpoint_that_is_none() -> None:
    with pytest.raises(ValueError, match="no endpoint"):
        PolicyServer("/run/x.sock", reactor=Clock())
