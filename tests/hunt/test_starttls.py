"""
Command injection (CVE-2011-0411): whatever stands behind STARTTLS in the clear is never acted on, however it is cut.

Guarantee 6, RFC 3207 §6, with every transcript and every attack for what is injected.
"""

from __future__ import annotations

import pytest

from tests.hunt.attacks import FAMILIES
from tests.hunt.test_transcripts import TRANSCRIPTS
from tests.wire.replies import codes
from txsmtpx import Certificate
from txsmtpx.testing import Link, RecordingBackend, Transcript

STARTTLS = b"STARTTLS\r\n"

INJECTED = [Transcript.read(path).octets for path in TRANSCRIPTS]
INJECTED += [attack.octets for family in FAMILIES.values() for attack in family[::5]]


@pytest.fixture
def greeted(pem):
    """Makes a client that has said hello, and the backend of its server."""
    certificate = Certificate(str(pem.certificate), str(pem.key))

    def make() -> tuple[Link, RecordingBackend]:
        backend = RecordingBackend({"user": "secret"})
        client = Link.to(backend, tls=certificate, allow_insecure_auth=True)
        assert codes(client.ask("EHLO a.example")) == ["220", "250"]
        return client, backend

    return make


@pytest.mark.parametrize("cut", [0, 1, len(STARTTLS) - 1])
def test_in_the_segment_that_ends_the_command(greeted, pem, cut):
    for octets in INJECTED:
        client, backend = greeted()
        client.send(STARTTLS[:cut])
        client.send(STARTTLS[cut:] + octets)
        assert codes(client.replies()) == ["220"], octets
        client.start_tls(pem.client_options())
        assert client.replies() == [], octets
        assert client.ask("MAIL FROM:<me@example.com>") == ["503 5.5.1 Send EHLO first"], octets
        assert backend.calls == []
        assert codes(client.ask("EHLO a.example", "NOOP")) == ["250", "250"], octets  # no half line stands before it
        client.hang_up()


def test_in_segments_of_their_own(greeted, pem):
    for octets in INJECTED:
        client, backend = greeted()
        client.ask("STARTTLS")
        for octet in octets[:40]:
            client.send(bytes([octet]))
        client.start_tls(pem.client_options())
        assert client.over, octets
        assert client.replies() == [], octets
        assert backend.calls == []
        client.hang_up()
