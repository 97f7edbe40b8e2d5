"""The connections to a milter: one for a session, kept for another one where the milter allows that."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.filters.milter.driven import Driven, connection
from tests.milters import DIE, Milters
from txsmtpx.filters.milter import Milter, MilterConnectionError, commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, Negotiation, Steps
from txsmtpx.grammar.options import MailOptions
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome


def session(driven: Driven) -> None:
    """Report a client and its message, and end its connection."""
    driven.begin(connection())
    driven.message()
    driven.filter.reset()
    driven.filter.close()
    driven.network.flush()


def test_a_connection_is_kept():
    driven = Driven()
    session(driven)
    session(driven)
    (milter,) = driven.milters.connections
    told = [type(each) for each in milter.told]
    assert told.count(commands.QuitNewConnection) == told.count(commands.Connect) == 2
    assert sum(isinstance(each, Negotiation) for each in milter.commands) == 1
    driven.end()


def test_two_clients_have_two_connections():
    driven = Driven()
    first = driven.filter
    driven.greeted()
    second = driven.begin(connection())
    driven.greeted()
    assert len(driven.milters.connections) == 2
    first.close()
    second.close()
    driven.network.flush()
    assert all(each.lost for each in driven.milters.connections)  # there was no message


@pytest.mark.parametrize("script", [
    {commands.EndOfMessage: [replies.AcceptAll()]},
    {commands.EndOfMessage: [replies.Reject()]},
    {commands.Mail: [replies.Reject()]},
])  # fmt: skip
def test_behind_another_answer_it_is_closed(script):
    driven = Driven(Milters(script))
    if commands.Mail in script:
        driven.greeted()
        driven.result(driven.filter.mail("", MailOptions()))
    else:
        driven.message()
    driven.filter.reset()
    driven.filter.close()
    driven.network.flush()
    assert driven.peer.told[-1] == commands.Quit()
    assert driven.peer.lost
    driven.end()


def test_an_older_milter_is_not_kept():
    driven = Driven(Milters(negotiation=Negotiation(5, ALL_ACTIONS, Steps(0))))
    session(driven)
    assert driven.peer.lost


@pytest.mark.parametrize(("kept", "connections"), [(0, 0), (1, 1), (2, 2)])
def test_so_many_are_kept(kept, connections):
    driven = Driven(kept=kept)
    filters = []
    for _ in range(3):
        filters.append(driven.begin(connection()))
        driven.message()
    for each in filters:
        each.reset()
        each.close()
    driven.network.flush()
    assert [each.lost for each in driven.milters.connections].count(False) == connections
    driven.end()


def test_a_kept_connection_expires():
    driven = Driven(idle=5)
    session(driven)
    driven.network.advance(4.9)
    assert not driven.peer.lost
    driven.network.advance(0.2)
    assert driven.peer.lost
    assert driven.peer.told[-1] == commands.Quit()
    driven.end()


def test_a_kept_connection_that_the_milter_closes():
    driven = Driven()
    session(driven)
    driven.peer.say(DIE)
    driven.network.flush()
    session(driven)
    assert len(driven.milters.connections) == 2
    driven.end()


def test_a_kept_connection_that_the_milter_closes_at_its_use():
    """The client is reported once more, on a new connection."""
    driven = Driven()
    session(driven)
    driven.milters.script[commands.Connect] = lambda command: (
        [DIE] if len(driven.milters.connections) == 1 else [replies.Continue()]
    )
    session(driven)
    first, second = driven.milters.connections
    assert [type(each) for each in first.told][-1] is commands.Connect
    assert len(second.told) == 11
    driven.end()


def test_a_kept_connection_on_which_something_comes():
    driven = Driven()
    session(driven)
    driven.peer.say(replies.Progress())
    driven.network.flush()
    assert driven.peer.lost
    session(driven)
    assert len(driven.milters.connections) == 2
    driven.end()


def test_a_new_connection_that_closes_is_a_failure():
    driven = Driven(Milters({commands.Connect: [DIE]}))
    with pytest.raises(MilterConnectionError):
        driven.result(driven.filter.connected(driven.filter.connection))
    assert len(driven.milters.connections) == 1
    driven.end()


class Never:
    """An endpoint that does not connect."""

    def connect(self, factory: object) -> Deferred[object]:
        return Deferred()


def test_a_client_that_leaves_while_the_server_connects():
    clock = Clock()
    client = connection()
    connecting = deferred_call(Milter(Never(), reactor=clock)(client).connected, client)
    outcome = Outcome(connecting)
    connecting.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert clock.getDelayedCalls() == []


def test_a_kept_connection_that_is_being_aborted_is_not_used():
    driven = Driven()
    session(driven)
    client = driven.network.clients[0]
    client.dataReceived(replies.encode(replies.Progress()))
    assert driven.milter.connections.kept == (client,)
    session(driven)
    assert len(driven.milters.connections) == 2
    driven.end()


def test_connecting_has_a_limit():
    clock = Clock()
    milter = Milter(Never(), timeout=5, reactor=clock)
    client = connection()
    waiting = Outcome(deferred_call(milter(client).connected, client))
    clock.advance(5.1)
    assert isinstance(waiting.error, MilterConnectionError)


def test_a_client_that_leaves_while_the_filter_negotiates():
    driven = Driven(Milters({Negotiation: []}))
    waiting = driven.start(driven.filter.connected(driven.filter.connection))
    driven.filter.reset()
    driven.filter.close()
    driven.peer.say(driven.milters.negotiation)
    driven.network.flush()
    assert isinstance(waiting.error, MilterConnectionError)
    driven.end()


def test_negotiating_has_a_limit():
    driven = Driven(Milters({Negotiation: []}), timeout=5)
    waiting = driven.start(driven.filter.connected(driven.filter.connection))
    driven.network.advance(5.1)
    assert waiting.error is not None
    driven.end()
