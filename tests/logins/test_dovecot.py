"""The checker: which mechanisms a client sees, and when Dovecot is asked for them."""

from __future__ import annotations

import re

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.filters.daemon import REFUSED
from tests.logins.dovecot import Dovecot, greeting, offered, plain
from txsmtpx import BackendRealm, MemoryBackend, PortalBackend, SMTPServerFactory
from txsmtpx.logins.client_certificate import CertificateChecker
from txsmtpx.logins.dovecot import DovecotChecker
from txsmtpx.logins.dovecot_lines import DovecotError
from txsmtpx.middleware.limit import LimitBackend
from txsmtpx.sasl.mechanisms import ChangingMechanisms
from txsmtpx.testing import Outcome


def test_it_is_a_checker():
    assert verifyObject(ICredentialsChecker, DovecotChecker("unix:/x", reactor=Clock()))


def test_a_client_sees_what_dovecot_offers_in_its_order():
    dovecot = Dovecot().start("SCRAM-SHA-256", "PLAIN\tplaintext", "X-OWN", "DIGEST-MD5")
    assert offered(dovecot.client()) == ["SCRAM-SHA-256", "PLAIN", "X-OWN", "DIGEST-MD5"]


def test_what_dovecot_offers_may_change():
    dovecot = Dovecot().start("PLAIN")
    client = dovecot.client()
    dovecot.pipe.hang_up()
    assert offered(client) == ["PLAIN"]
    dovecot.pipe.say(greeting("SCRAM-SHA-1", "SCRAM-SHA-256"))
    assert offered(client) == ["SCRAM-SHA-1", "SCRAM-SHA-256"]
    assert client.ask(plain()) == ["504 5.5.4 Authentication mechanism not offered"]


@pytest.mark.parametrize("line", ["HIDDEN\tprivate", "HIDDEN\tplaintext\tanonymous", "SCRAM-SHA-256-PLUS"])
def test_what_is_not_for_clients(line):
    dovecot = Dovecot().start(line, "PLAIN")
    client = dovecot.client()
    assert offered(client) == ["PLAIN"]
    assert client.ask("AUTH " + line.split("\t")[0])[0][:3] == "504"


def test_nothing_is_offered_in_the_clear():
    """Guarantee 7."""
    client = Dovecot().start().client(allow_insecure_auth=False)
    assert offered(client) == []
    assert client.ask(plain()) == ["538 5.7.11 Encryption required for that authentication mechanism"]


def test_before_the_first_connection_two_mechanisms_are_assumed():
    dovecot = Dovecot()
    assert not dovecot.pipes  # none without a client: the reactor may not run
    client = dovecot.client()
    assert offered(client) == ["PLAIN", "LOGIN"]
    dovecot.pipe.say(greeting("CRAM-MD5"))
    assert offered(client) == ["CRAM-MD5"]


def test_a_mechanism_that_was_assumed_is_not_sent():
    """Dovecot would close the connection."""
    dovecot = Dovecot()
    client = dovecot.client()
    client.ask(plain())
    dovecot.pipe.say(greeting("CRAM-MD5"))
    dovecot.clock.advance(1)
    assert client.replies() == ["504 5.5.4 Authentication mechanism not offered"]
    assert b"AUTH" not in dovecot.pipe.asked


def test_mechanisms_are_left_out():
    dovecot = Dovecot().start()
    assert offered(dovecot.client(without_mechanisms=["LOGIN", "cram-md5"])) == ["PLAIN", "SCRAM-SHA-256"]


def test_each_name_is_there_once_beside_another_checker():
    dovecot = Dovecot().start("EXTERNAL", "PLAIN")
    portal = Portal(BackendRealm(MemoryBackend()), [dovecot.checker, CertificateChecker()])
    factory = SMTPServerFactory(PortalBackend(portal), reactor=dovecot.clock)
    assert [each.name for each in factory.settings.mechanisms] == ["EXTERNAL", "PLAIN"]


def test_it_works_behind_middleware():
    dovecot = Dovecot()
    factory = SMTPServerFactory(LimitBackend(dovecot.backend, 1, 1), require_auth=True, reactor=dovecot.clock)
    assert isinstance(factory.settings.mechanisms, ChangingMechanisms)
    dovecot.start("X-OWN")
    assert [each.name for each in factory.settings.mechanisms] == ["X-OWN"]


def test_the_service_connects_and_closes():
    dovecot = Dovecot().start()
    dovecot.checker.stopService()
    assert dovecot.pipe.aborted
    assert not dovecot.clock.getDelayedCalls()


def test_the_check_names_the_mechanisms():
    dovecot = Dovecot()
    outcome = Outcome(Deferred.fromCoroutine(dovecot.checker.check()))
    dovecot.pipe.say(greeting("PLAIN", "SCRAM-SHA-1"))
    assert outcome.result() == "it offers PLAIN SCRAM-SHA-1"
    assert dovecot.pipe.aborted


def test_the_check_fails():
    error = Outcome(Deferred.fromCoroutine(Dovecot(REFUSED).checker.check())).error
    assert isinstance(error, DovecotError)
    text = r"dovecot: Connection was refused .*; name the socket auth-client of a Dovecot that runs"
    assert re.fullmatch(text, str(error))


@pytest.mark.parametrize(("arguments", "text"), [
    ({"endpoint": "nowhere"}, "no endpoint: nowhere"),
    ({"endpoint": "tls:mail.example.org:1"}, r"write tcp:HOST:PORT or unix:PATH"),
    ({"endpoint": "unix:/x", "timeout": 0}, "^timeout must be a number of seconds greater than 0, not 0$"),
    ({"endpoint": "unix:/x", "timeout": float("inf")}, "^timeout must be"),
])  # fmt: skip
def test_what_cannot_be_used(arguments, text):
    """Guarantee 27."""
    with pytest.raises(ValueError, match=text):
        DovecotChecker(**arguments, reactor=Clock())
