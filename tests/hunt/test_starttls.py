"""
Command injection (CVE-2011-0411): whatever stands behind STARTTLS in the clear is never acted on, however it is cut.

Law 6, RFC 3207 §5, with every transcript and every attack for what is injected.
"""

from __future__ import annotations

import pytest

from tests.hunt.attacks import ATTACKS
from tests.hunt.test_transcripts import TRANSCRIPTS
from tests.wire.replies import codes
from txsmtpx import Certificate
from txsmtpx.testing import Link, RecordingBackend, Transcript

STARTTLS = b"STARTTLS\r\n"

INJECTED = {path.stem: Transcript.read(path).octets for path in TRANSCRIPTS} | {
    attack.name: attack.octets for attack in ATTACKS if attack.name.endswith((": fresh", "message", "chunks"))
}


@pytest.fixture
def injected(request, pem):
    """A client that has said hello, what it injects, and its options."""
    backend = RecordingBackend({"user": "secret"})
    client = Link.to(backend, tls=Certificate(str(pem.certificate), str(pem.key)), allow_insecure_auth=True)
    assert codes(client.ask("EHLO a.example")) == ["220", "250"]
    yield client, backend, INJECTED[request.param]
    client.hang_up()


every = pytest.mark.parametrize("injected", INJECTED, indirect=True)


@every
@pytest.mark.parametrize("cut", [0, 1, len(STARTTLS) - 1])
def test_in_the_segment_that_ends_the_command(injected, pem, cut):
    client, backend, octets = injected
    client.send(STARTTLS[:cut])
    client.send(STARTTLS[cut:] + octets)
    assert codes(client.said()) == ["220"]
    client.start_tls(pem.client_options())
    assert client.said() == []
    assert client.ask("MAIL FROM:<me@example.com>") == ["503 5.5.1 Say hello first"]
    assert backend.calls == []
    assert codes(client.ask("EHLO a.example", "NOOP")) == ["250", "250"]  # no half line stands before it


@every
def test_in_segments_of_their_own(injected, pem):
    client, backend, octets = injected
    client.ask("STARTTLS")
    for octet in octets[:40]:
        client.send(bytes([octet]))
    client.start_tls(pem.client_options())
    assert client.over
    assert client.said() == []
    assert backend.calls == []
