"""Our client into our server, with every pair of features on and off, all others being on, or off."""

from __future__ import annotations

import itertools
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from txsmtpx import Certificate, SMTPError, SMTPServerFactory, connect
from txsmtpx.extensions import registry
from txsmtpx.testing import Network, RecordingBackend

EXTENSIONS = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "SIZE", "PRDR", "STARTTLS", "AUTH")
FEATURES = (*EXTENSIONS, "LMTP")
HOST = "mx.example.net"


def every_pair():
    """Each set of features, in which a pair has each of its four settings."""
    seen = set()
    for pair in itertools.combinations(FEATURES, 2):
        rest = frozenset(FEATURES) - set(pair)
        for base, count in itertools.product((frozenset(), rest), range(3)):
            seen.update(base | set(some) for some in itertools.combinations(pair, count))
    return sorted(seen, key=lambda features: (len(features), sorted(features)))


@pytest.fixture(scope="module")
def certificate(authority):
    return Certificate(str(authority.issue(HOST)))


def connected(features, certificate, authority):
    """A network, a client on it, and the backend behind."""
    offered = {*features, *(["8BITMIME"] if "SMTPUTF8" in features else [])}
    backend = RecordingBackend(
        {"me": "secret"} if "AUTH" in features else None, rcpt=lambda to, options: _no() if "nobody" in to else None
    )
    net = Network(lambda: factory.buildProtocol(None))
    factory = SMTPServerFactory(
        backend,
        extensions=[each for each in registry.EXTENSIONS if each.keyword in offered],
        lmtp="LMTP" in features,
        tls=certificate if "STARTTLS" in features else None,
        allow_insecure_auth=True,
        reactor=net.clock,
    )
    connecting = connect(
        net,
        lmtp="LMTP" in features,
        tls="required" if "STARTTLS" in features else "none",
        hostname=HOST,
        trust_roots=authority.path,
        auth=("me", "secret") if "AUTH" in features else None,
        allow_insecure_auth=True,
        reactor=net.clock,
    )
    return net, net.result(connecting), backend


def _no():
    raise SMTPError(550, (5, 1, 1), "Nobody")


@pytest.mark.parametrize("features", every_pair(), ids=lambda features: "+".join(sorted(features)))
def test_together(features, certificate, authority):
    net, client, backend = connected(features, certificate, authority)
    seen = set(client.extensions) | ({"STARTTLS"} if client.tls else set()) | ({"LMTP"} if client.lmtp else set())
    implied, redundant = {"8BITMIME"}, {"PRDR"} if client.lmtp else set()
    assert seen - implied == features - implied - redundant
    third = "bücher@example.net" if "SMTPUTF8" in features else "b@bücher.example"
    to = ["you@example.net", "nobody@example.net", third]
    text = EmailMessage()
    text["Subject"] = "Grüße"
    text.set_content("ü\n.\n..\n", cte="8bit")
    lines = b".x\r\n" * 50_000
    for body in (b"", b".", b"x\n.\r\ny", iter([lines, lines]), text):
        result = net.result(client.send("me@example.org", to, body))
        assert [recipient for recipient, _ in result.accepted] == [to[0], to[2]]
        assert [(recipient, reply.code) for recipient, reply in result.refused] == [(to[1], 550)]
    net.result(client.quit())
    net.hang_up()
    nothing, dot, bare, big, message = (received.content for received in backend.messages)
    assert nothing == b""
    assert dot.removesuffix(b"\r\n") == b"."
    assert bare.removesuffix(b"\r\n") == b"x\r\n.\r\ny"
    assert big == lines * 2
    assert message_from_bytes(message, policy=policy.SMTP).get_content().splitlines() == ["ü", ".", ".."]
    assert {received.username for received in backend.messages} == {"me" if "AUTH" in features else None}
    assert {session.logouts for session in backend.sessions} == {1}
