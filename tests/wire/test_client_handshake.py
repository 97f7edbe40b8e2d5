"""TLS of a client's connection: when it is complete, why it failed, and what becomes of who waits for it."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet import error as twisted_error
from twisted.internet.error import ConnectionClosed, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from zope.interface import directlyProvides

from tests.dialog.talk import Talk
from tests.wire.tls_link import tls_link
from txsmtpx import CommandCancelled, ConnectionAborted, NetworkError, TLSFailed
from txsmtpx.errors import Fault
from txsmtpx.testing import Outcome
from txsmtpx.wire.client_handshake import ClientHandshake

OPTIONS = object()


class Transport(StringTransport):
    """Notes the options with which TLS begins."""

    begun = None

    def startTLS(self, options):
        self.begun = options


@pytest.fixture
def talk():
    return Talk("STARTTLS")


def test_in_the_clear_nothing_is_expected(talk):
    handshake = ClientHandshake(talk.dialog, None)
    handshake.connection_made(StringTransport())
    assert not handshake.pending
    assert handshake.tls is None


def test_inside_tls_from_the_first_octet_the_handshake_is_expected(talk):
    handshake = ClientHandshake(talk.dialog, OPTIONS)
    transport = StringTransport()
    directlyProvides(transport, ISSLTransport)
    handshake.connection_made(transport)
    assert handshake.pending


def test_starttls_is_waited_for(talk, certificate, pem):
    handshake, transport = ClientHandshake(talk.dialog, None), Transport()
    secured = Outcome(handshake.start(transport, OPTIONS))
    assert transport.begun is OPTIONS
    assert handshake.pending
    assert not secured.fired
    link = tls_link(certificate, pem)
    handshake.completed(link.client.transport)
    assert secured.result() is None
    assert not handshake.pending
    assert handshake.tls.version.startswith("TLSv1.")
    handshake.lost(NetworkError.of(ConnectionLost()))
    assert handshake.tls.bindings == {}
    link.hang_up()


def test_a_connection_that_is_lost_fails_the_wait_with_an_error_of_its_own(talk):
    handshake = ClientHandshake(talk.dialog, None)
    secured = Outcome(handshake.start(Transport(), OPTIONS))
    error = handshake.failure(ConnectionDone())
    handshake.lost(error)
    assert isinstance(secured.error, ConnectionDone)
    assert secured.error is not error
    assert secured.error.command == "TLS"
    assert not handshake.pending


def test_cancelled_it_ends_the_connection(talk):
    handshake = ClientHandshake(talk.dialog, None)
    waiting = handshake.start(Transport(), OPTIONS)
    outcome = Outcome(waiting)
    waiting.cancel()
    assert isinstance(outcome.error, CommandCancelled)
    assert outcome.error.command == "TLS"
    assert talk.wire.aborted
    handshake.lost(NetworkError.of(ConnectionLost()))
    assert len(outcome.results) == 1


@pytest.mark.parametrize("pending", [True, False])
@pytest.mark.parametrize("reason", [ConnectionDone(), ConnectionLost("reset")], ids=repr)
def test_the_end_of_a_connection_names_the_handshake_if_it_was_not_complete(talk, reason, pending):
    handshake = ClientHandshake(talk.dialog, None)
    handshake.pending = pending
    error = handshake.failure(reason)
    assert isinstance(error, NetworkError)
    assert isinstance(error, type(reason))
    assert error is not reason
    assert error.command == ("TLS" if pending else "")


@pytest.mark.parametrize("reason", [None, OSError("odd")], ids=repr)
def test_any_other_reason_is_a_lost_connection_with_its_text(talk, reason):
    error = ClientHandshake(talk.dialog, None).failure(reason)
    assert isinstance(error, ConnectionClosed)
    assert str(reason) in str(error)


def test_an_error_of_openssl_is_a_failure_of_tls(talk):
    handshake = ClientHandshake(talk.dialog, OPTIONS)
    handshake.pending = True
    error = handshake.failure(SSL.Error([("SSL routines", "", "wrong version number")]))
    assert isinstance(error, TLSFailed)
    assert "wrong version number" in str(error)


def test_an_abort_by_this_end_is_the_callers(talk):
    error = ClientHandshake(talk.dialog, None).failure(twisted_error.ConnectionAborted())
    assert type(error) is ConnectionAborted
    assert isinstance(error, twisted_error.ConnectionAborted)
    assert error.fault is Fault.CALLER
