"""A client for tests that block: its settings by the server, its methods, which wait, and what becomes of it."""

from __future__ import annotations

import inspect

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError

from txsmtpx import ConnectionAborted, MemoryBackend, RecipientsRefused, SMTPClient, SMTPError
from txsmtpx.testing import MailServer, Script
from txsmtpx.testing.blocking import BlockingClient, Clients
from txsmtpx.testing.thread import Here

MAIL = ("me@example.org", ["you@example.net"], b"Hey")


@pytest.fixture
def clients(thread):
    clients = Clients(thread)
    yield clients
    clients.abort_all()


def test_a_client_of_another_server(thread):
    """By its endpoint, as one in the same process or elsewhere is reached."""
    with MailServer(MemoryBackend(2)) as server:
        clients = Clients(thread)
        client = clients.connect(server.endpoint)
        client.send("me@example.org", ["you@example.net"], b"Hey")
        with pytest.raises(SMTPError):
            client.rcpt("you@example.net")  # before MAIL
        clients.abort_all()
        assert len(server.messages) == 1
    with pytest.raises(ConnectionRefusedError):
        clients.connect(server.endpoint)


@pytest.mark.parametrize(
    ("settings", "protocol"),
    [
        ({}, "ESMTP"),
        ({"lmtp": True}, "LMTP"),
        ({"tls": "starttls"}, "ESMTPS"),
        ({"tls": "implicit"}, "ESMTPS"),
        ({"tls": "starttls", "lmtp": True}, "LMTPS"),
    ],
)
def test_the_settings_are_those_of_the_server(thread, clients, settings, protocol):
    """TLS where the server has it, with its certificate trusted, and LMTP for LMTP."""
    with MailServer(where=thread, **settings) as server:
        clients.connect(server).send(*MAIL)
        assert [each.protocol for each in server.messages] == [protocol]


def test_a_server_with_prepared_replies(thread, clients):
    script = Script(RCPT="550 5.1.1 No such user")
    listening = thread.call(script.listen, thread.reactor)
    with pytest.raises(RecipientsRefused, match="No such user"):
        clients.connect(script).send(*MAIL)
    clients.connect(script.endpoint).quit()
    thread.call(listening.stopListening)


def test_a_password_needs_no_tls_here(thread, clients):
    with MailServer(where=thread, users={"me": "secret"}) as server:
        clients.connect(server, auth=("me", "secret")).send(*MAIL)
        assert [each.username for each in server.messages] == ["me"]


def test_an_argument_is_stronger_than_the_server(thread, clients):
    with MailServer(where=thread, tls="starttls") as server:
        clients.connect(server, tls="none").send(*MAIL)
        assert [each.protocol for each in server.messages] == ["ESMTP"]


def test_an_unknown_argument(thread, clients):
    with MailServer(where=thread) as server, pytest.raises(TypeError, match="did you mean hostname"):
        clients.connect(server, hostnam="localhost")


def test_all_are_given_up(thread, clients):
    with MailServer(where=thread) as server:
        both = [clients.connect(server) for _ in range(2)]
        clients.abort_all()
        for client in both:
            with pytest.raises(ConnectionAborted):
                client.noop()
        clients.abort_all()


def test_on_the_callers_reactor(thread):
    """There the client itself comes, by a Deferred."""
    with MailServer(where=thread) as server:
        here = Clients(Here(thread.reactor))
        connecting = thread.call(lambda: _shown(here.connect(server)))
        client, was_deferred = connecting
        assert was_deferred
        assert thread.call(client.noop).code == 250
        thread.call(here.abort_all)


def _shown(connecting):
    is_deferred = isinstance(connecting, Deferred)
    return connecting.addCallback(lambda client: (client, is_deferred))


def test_each_method_is_there() -> None:
    methods = {name for name, _ in inspect.getmembers(SMTPClient, inspect.isfunction) if not name.startswith("_")}
    immediate = {"supports_auth", "can_authenticate"}  # methods of BlockingClient.client, which do not wait
    assert methods - immediate <= set(vars(BlockingClient))


def test_results_and_errors() -> None:
    with MailServer(users={"me": "secret"}) as server:
        clients = Clients(server.place)
        client = clients.connect(server)
        assert isinstance(client, BlockingClient)
        assert client.noop().code == 250
        with pytest.raises(SMTPError, match="530"):
            client.mail("me@example.org")
        assert (client.authenticated, client.usable, client.tls) == (False, True, None)
        assert client.authenticate(("me", "secret")).code == 235
        assert client.authenticated
        assert client.mail("me@example.org").code == 250
        assert client.rcpt("you@example.net").code == 250
        assert [each.code for each in client.data(b"Hi")] == [250]
        assert "PIPELINING" in client.extensions
        client.abort()
        clients.abort_all()
