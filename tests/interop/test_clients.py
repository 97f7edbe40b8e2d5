"""Clients of every kind submit to ``twistd smtpx``: plain, by STARTTLS and AUTH, over TLS and AUTH."""

from __future__ import annotations

import re

import pytest

from tests.interop.clients import CLIENTS, SENDER, Security, Submission, submit
from tests.interop.conftest import OurServer, need
from tests.interop.messages import message
from tests.interop.smtpx import delivered
from txsmtpx.testing import Pem

# RFC 3848
WITH = {Security.PLAIN: "ESMTP", Security.STARTTLS: "ESMTPSA", Security.IMPLICIT: "ESMTPSA"}


@pytest.mark.parametrize("security", Security, ids=lambda security: security.value)
@pytest.mark.parametrize("client", CLIENTS)
def test_submits(client: str, security: Security, our_server: OurServer, certificate: Pem) -> None:
    need(client)
    recipient = f"{client}-{security.value}@clients.test"
    port = our_server.tls_port if security is Security.IMPLICIT else our_server.port
    sent = message(recipient)
    submit(client, Submission(port, security, certificate.certificate, recipient), sent)
    trace = delivered(our_server.maildirs / "clients.test" / f"{client}-{security.value}", sent)
    assert trace.keys() == ["Return-Path", "Delivered-To", "Received"]
    assert trace["Return-Path"] == f"<{SENDER}>"
    assert trace["Delivered-To"] == recipient
    assert re.search(rf"\[127\.0\.0\.1\]\)\s+by mx\.example\.test .* with {WITH[security]} id \S+", trace["Received"])


def test_cr_cr_lf_is_one_line_end(our_server: OurServer, certificate: Pem) -> None:
    """RFC 5321 §2.3.8 forbids it; the empty line behind the header is one all the same."""
    sent = message("twisted@clients.test")
    to = Submission(our_server.port, Security.STARTTLS, certificate.certificate, "twisted@clients.test")
    submit("twisted", to, sent)
    trace = delivered(our_server.maildirs / "clients.test" / "twisted", sent)
    assert "with ESMTPSA id" in trace["Received"]
