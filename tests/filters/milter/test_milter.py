"""The maker of milter filters: its arguments."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock

from tests.filters.milter.driven import Driven, connection
from tests.milters import Milters
from txsmtpx import ConfiguredFilter
from txsmtpx.filters.milter import Milter, MilterConnectionError, MilterProtocolError, commands
from txsmtpx.filters.milter.negotiation import Actions, Negotiation, Steps
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome


def test_each_connection_has_a_filter():
    made = Milter("unix:/run/x.sock", reactor=Clock())
    first, second = made(connection()), made(connection())
    assert first is not second
    assert made.holds


def test_a_milter_that_changes_nothing_needs_no_holding():
    assert not Milter("unix:/run/x.sock", holds=False, reactor=Clock()).holds


@pytest.mark.parametrize(("how", "error", "text"), [
    ({"endpoint": "/run/x.sock"}, ValueError, "no endpoint: /run/x.sock .*; write tcp:HOST:PORT or unix:PATH"),
    ({"endpoint": 5}, TypeError, "Milter: endpoint must be a ClientEndpoint or text, not 5"),
    ({"timeout": 0}, ValueError, "timeout is a number of seconds above 0, not 0"),
    ({"longest": -1}, ValueError, "longest is a number of seconds above 0, not -1"),
    ({"idle": float("inf")}, ValueError, "idle is a number of seconds above 0, not inf"),
    ({"kept": 1001}, ValueError, "kept is a number of connections from 0 to 1000, not 1001"),
    ({"kept": -1}, ValueError, "kept is a number of connections from 0 to 1000, not -1"),
    ({"timeot": 1}, TypeError, "Milter has no argument timeot; did you mean timeout"),
])  # fmt: skip
def test_what_cannot_be_used(how, error, text):
    with pytest.raises(error, match=f"^{text}"):
        Milter(**{"endpoint": "unix:/run/x.sock", "reactor": Clock(), **how})


def test_a_call_may_take_as_long_as_the_milter_delays_it():
    made = Milter("unix:/run/x.sock", timeout=10, longest=100, reactor=Clock())
    assert ConfiguredFilter(made).limit == made.call_timeout == 120
    assert ConfiguredFilter(made, timeout=5).limit == 5


def test_it_is_checked():
    driven = Driven(Milters(negotiation=Negotiation(6, Actions.QUARANTINE, Steps(0))))
    assert driven.result(driven.milter.check()) == "milter version 6, may quarantine messages"
    driven.network.flush()
    assert driven.peer.told == [commands.Quit()]
    driven.end()


def test_a_milter_that_changes_nothing_is_offered_no_changes():
    driven = Driven(Milters(negotiation=Negotiation(6, Actions.QUARANTINE, Steps(0))), holds=False)
    assert driven.message() is None
    (offer,) = [each for each in driven.peer.commands if isinstance(each, Negotiation)]
    assert offer.actions == Actions.QUARANTINE | Actions.SET_MACROS
    driven.end()
    driven = Driven(Milters(negotiation=Negotiation(6, Actions.ADD_HEADERS, Steps(0))), holds=False)
    with pytest.raises(MilterProtocolError, match=r"actions that were not offered: 0x1$"):
        driven.message()
    driven.end()


class Nowhere:
    def connect(self, factory):
        return fail(ConnectionRefusedError())


def test_a_milter_that_cannot_be_reached():
    made = Milter(Nowhere(), reactor=Clock())
    client = connection()
    waiting = Outcome(deferred_call(made(client).connected, client))
    with pytest.raises(MilterConnectionError, match=r"^the milter cannot be reached: Connection was refused"):
        waiting.result()
