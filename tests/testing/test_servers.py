"""The servers of a fixture: where they run, which certificate they have, and that each is stopped."""

from __future__ import annotations

import smtplib

import pytest

from txsmtpx.testing import Pem, ReactorThread
from txsmtpx.testing.servers import Servers


def test_servers(pem: Pem) -> None:
    thread = ReactorThread()
    servers = Servers(thread, pem)
    plain, secured = servers.make(), servers.make(tls="starttls")
    assert (plain.certificate, secured.certificate) == (None, pem)
    assert plain.place is secured.place is thread
    with plain:  # it is started already, and stopped here
        smtplib.SMTP(plain.host, plain.port, timeout=10).quit()
    assert servers.stop() == []
    for server in (plain, secured):
        with pytest.raises(OSError, match="refused"):
            smtplib.SMTP(server.host, server.port, timeout=10)
    thread.stop()
