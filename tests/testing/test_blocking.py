"""A client in another thread: it has each method of `txsmtpx.SMTPClient`, and waits."""

from __future__ import annotations

import inspect

import pytest

from txsmtpx import SMTPClient, SMTPError
from txsmtpx.testing import MailServer
from txsmtpx.testing.blocking import BlockingClient, Clients


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
