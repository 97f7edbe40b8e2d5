"""The backend that discards everything."""

from __future__ import annotations

from txsmtpx.backends.null import null_backend
from txsmtpx.testing import Conversation


def test_null_takes_everything():
    client = Conversation(null_backend())
    said = client.ask("EHLO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", "x" * 900, ".", "NOOP")
    assert said[-2].startswith("250 2.0.0 Ok: queued as ")
    assert said[-1] == "250 2.0.0 Ok"
    client.hang_up()


def test_all_clients_have_one_session():
    backend = null_backend()
    assert backend.anonymous_login(None) is backend.anonymous_login(None)
    assert null_backend().anonymous_login(None) is not backend.anonymous_login(None)


def test_it_takes_no_login():
    client = Conversation(null_backend(), allow_insecure_auth=True)
    assert not any("AUTH" in line for line in client.ask("EHLO a"))
    client.hang_up()
