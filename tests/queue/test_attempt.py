"""One attempt: connections that a server closes, and parameters of MAIL for the next server."""

from functools import partial

import pytest
from twisted.internet.defer import fail
from twisted.internet.task import Clock

from tests.queue.queues import ANN, Queues
from txsmtpx import MailOptions, RcptOptions
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.queue.attempt import Attempt, Transaction, for_next_hop, is_late
from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.circuit_breaker import CircuitBreaker
from txsmtpx.queue.destination import Destination
from txsmtpx.setting import SettingError
from txsmtpx.testing import Network, ScriptedServer
from txsmtpx.wire.pool import SMTPPool


@pytest.fixture
def queues():
    made = []

    def make(*servers):
        made.append(Queues({"*": list(servers)}))
        return made[-1]

    yield make
    for each in made:
        each.stop(60)


def test_a_connection_that_the_server_ends_is_replaced(queues):
    one = queues(ScriptedServer(MAIL=["250 2.1.0 Ok", "421 4.3.2 Restarting"]), ScriptedServer())
    one.submit(ANN)
    one.submit(ANN)
    assert one.store.final == [(ANN, "delivered", "250 2.0.0 Taken")] * 2
    assert len(one.nets["*"].servers) == 2


def test_a_server_that_ends_a_new_connection_is_tried_later(queues):
    one = queues(ScriptedServer(MAIL="421 4.3.2 Restarting"), ScriptedServer())
    one.submit(ANN)
    assert one.store.pending() == [(ANN, "waiting", 1)]
    assert len(one.nets["*"].servers) == 1


def test_an_address_that_cannot_be_sent_fails(queues):
    one = queues(ScriptedServer())
    one.submit("jürgen@example.net")
    assert [state for _, state, _ in one.store.final] == ["failed"]


async def test_a_connection_that_this_program_cannot_make_returns_no_mail(logged_failures):
    """Such as with a file of trust roots that another program is writing."""
    pool = SMTPPool(Network(), reactor=Clock())
    pool.acquire = lambda: fail(SettingError("trust_roots", "there is no certificate in it"))
    destination = Destination("*", pool, partial(CircuitBreaker, 5, BackOff(60, 900)), lambda: pool)
    transaction = Transaction("me@example.org", MailOptions(), 0.0, [(ANN, RcptOptions())])
    (result,) = (await Attempt(transaction, b"x\r\n", destination, lambda: 0.0, lambda: 0.0).run()).results
    assert (result.meaning, result.reply.code) == ("deferred", 451)
    assert len(logged_failures.flush(SettingError)) == 1


def test_requiretls_needs_a_certificate_that_was_verified(queues):
    one = queues(ScriptedServer(["REQUIRETLS"]))
    one.submit(ANN, options=MailOptions(requiretls=True))
    assert one.store.final[0][1:] == ("failed", "550 5.7.30 REQUIRETLS cannot be passed on")
    assert not any(line.startswith("MAIL") for line in one.server().lines if "<>" not in line)


def test_a_report_goes_without_requiretls(queues):
    one = queues(ScriptedServer(["REQUIRETLS"]))
    one.submit(ANN, sender="", options=MailOptions(requiretls=True))
    assert one.store.final[0][1] == "delivered"


@pytest.mark.parametrize(
    ("by", "late"),
    [(None, False), (DeliverBy(60, "R"), True), (DeliverBy(61, "R"), False), (DeliverBy(60, "N"), False)],
)
def test_a_message_is_late_only_if_it_must_be_returned(by, late):
    assert is_late(by, 1000.0, 1060.0) is late


def test_the_next_server_gets_what_is_not_for_this_queue():
    given = MailOptions(size=10, hold_for=5, prdr=True, envid="x", body="8BITMIME")
    assert for_next_hop(given) == MailOptions(envid="x", body="8BITMIME")
    assert for_next_hop(MailOptions(body="7BIT")) == MailOptions()
    assert given.size == 10
