"""AUTH, every mechanism, against servers of the mechanism's own making; and guarantee 7: secrets stay secret."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
import scramp
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet.task import Clock

from tests.encoding import b64
from tests.sasl.exchanges import now, portal
from txsmtpx import (
    AuthLogin,
    Certificate,
    CramMD5,
    External,
    NotOffered,
    OAuthBearer,
    Plain,
    ProtocolError,
    Scram,
    SMTPError,
    SMTPServerFactory,
    XOAuth2,
    connect,
)
from txsmtpx.logins.scram_file import ScramChecker
from txsmtpx.passwd import hashes, store
from txsmtpx.testing import Outcome, RecordingBackend

USER, PASSWORD = "üser", "pencil,=secret"
HOST = "mx.example.net"
OK = "235 2.7.0 In"
NO = "535 5.7.8 Out"


def heard(line):
    return base64.b64decode(line, validate=True)


def plain(argument):
    return OK if heard(argument.partition(" ")[2]) == f"\0{USER}\0{PASSWORD}".encode() else NO


def login(argument):
    assert argument == "LOGIN"
    name = yield f"334 {b64(b'User Name')}"
    word = yield f"334 {b64(b'Password:')}"
    yield OK if (heard(name), heard(word)) == (USER.encode(), PASSWORD.encode()) else NO


def cram(argument):
    assert argument == "CRAM-MD5"
    challenge = b"<1896.697170952@postoffice.example.net>"
    name, _, digest = heard((yield f"334 {b64(challenge)}")).decode().rpartition(" ")
    right = hmac.new(PASSWORD.encode(), challenge, hashlib.md5).hexdigest()
    yield OK if (name, digest) == (USER, right) else NO


def scram(argument, binding=None, lie=None):
    mechanism, _, first = argument.partition(" ")
    made = scramp.ScramMechanism(mechanism)
    known = made.make_auth_info(PASSWORD)
    server = made.make_server(lambda name: {USER: known}[name], channel_binding=binding)
    server.set_client_first(heard(first).decode())
    final = yield f"334 {b64(server.get_server_first().encode())}"
    if lie == "no proof":
        yield OK
    try:
        server.set_client_final(heard(final).decode())
    except scramp.ScramException:
        yield NO
    proof = server.get_server_final() if lie is None else lie
    answer = yield f"334 {b64(proof.encode())}"
    yield OK if answer == "" else "501 5.7.0 Cancelled"


def bearer(argument):
    name, _, token = argument.partition(" ")
    right = {
        "XOAUTH2": f"user={USER}\1auth=Bearer {PASSWORD}\1\1",
        "OAUTHBEARER": f"n,a={USER},\1host={HOST}\1port=587\1auth=Bearer {PASSWORD}\1\1",
    }[name]
    if heard(token).decode() == right:
        yield OK
    answer = yield f"334 {b64(b'{status:invalid_token}')}"
    yield NO if answer == {"XOAUTH2": "", "OAUTHBEARER": "AQ=="}[name] else "501 5.5.2 What?"


MECHANISMS = {
    "PLAIN": (plain, Plain),
    "LOGIN": (login, AuthLogin),
    "CRAM-MD5": (cram, CramMD5),
    "SCRAM-SHA-1": (scram, lambda name, word: Scram("SCRAM-SHA-1", name, word)),
    "SCRAM-SHA-256": (scram, lambda name, word: Scram("SCRAM-SHA-256", name, word)),
    "SCRAM-SHA-512": (scram, lambda name, word: Scram("SCRAM-SHA-512", name, word)),
    "XOAUTH2": (bearer, XOAuth2),
    "OAUTHBEARER": (bearer, lambda name, word: OAuthBearer(name, word, HOST, 587)),
}


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_mechanism(network, name):
    server, client_half = MECHANISMS[name]
    net = network(offers=[f"AUTH {name}"], AUTH=server)
    client = net.greeted(allow_insecure_auth=True)
    assert client.supports_auth(name.lower())
    auth = client_half(USER, PASSWORD)
    assert net.result(client.authenticate(auth)).code == 235
    assert net.result(net.greeted(allow_insecure_auth=True).authenticate(auth)).code == 235  # it can be used again


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_wrong_password(network, name):
    server, client_half = MECHANISMS[name]
    net = network(offers=[f"AUTH {name}"], AUTH=server)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(SMTPError) as caught:
        net.result(client.authenticate(client_half(USER, "wrong")))
    assert str(caught.value) == "AUTH: 535 5.7.8 Out"
    assert client.usable


@pytest.mark.parametrize(("authorization", "said"), [("", "="), ("boss", b64(b"boss"))])
def test_external(network, authorization, said):
    net = network(offers=["AUTH EXTERNAL"], AUTH=OK)
    client = net.greeted(allow_insecure_auth=True)
    net.result(client.authenticate(External(authorization)))
    assert net.servers[0].lines[1] == f"AUTH EXTERNAL {said}"


@pytest.mark.parametrize(("octets", "lines"), [(1, 1), (347, 1), (348, 2), (2000, 2)])
def test_a_response_that_is_too_long_for_a_command_waits_until_it_is_asked_for(network, octets, lines):
    """RFC 4954 §4: a line of a command has at most 512 octets, a response 12,288."""
    token = "x" * octets

    def exchange(argument):
        assert len(f"AUTH {argument}") <= 510
        said = argument.partition(" ")[2] or (yield "334 ")
        yield OK if heard(said) == f"user={USER}\1auth=Bearer {token}\1\1".encode() else NO

    net = network(offers=["AUTH XOAUTH2"], AUTH=exchange)
    client = net.greeted(allow_insecure_auth=True)
    assert net.result(client.authenticate(XOAuth2(USER, token))).code == 235
    assert len(net.servers[0].lines[1:]) == lines


def test_a_long_response_that_is_refused_with_a_reason(network):
    """XOAUTH2 says why in a challenge of its own, which comes after the one that asked for the token."""

    def exchange(argument):
        yield "334 "
        assert not heard((yield f"334 {b64(b'{}')}"))
        yield NO

    net = network(offers=["AUTH XOAUTH2"], AUTH=exchange)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(SMTPError, match="Out"):
        net.result(client.authenticate(XOAuth2(USER, "x" * 2000)))
    assert client.usable


# ---- the server's proof


@pytest.mark.parametrize("lie", ["no proof", "v=AAAA", "nonsense"])
def test_a_server_that_cannot_prove_itself(network, lie):
    net = network(offers=["AUTH SCRAM-SHA-256"], AUTH=lambda argument: scram(argument, lie=lie))
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(ProtocolError, match="AUTH SCRAM-SHA-256") as caught:
        net.result(client.authenticate((USER, PASSWORD)))
    assert caught.value.command == "AUTH"
    assert (net.servers[0].lines[-1] == "*") is (lie != "no proof")
    assert client.usable is (lie != "no proof")


def refusing(argument, says, code):
    """SCRAM by a server that says ``says`` to the proof; to nothing behind that, ``code``."""
    nonce = heard(argument.partition(" ")[2]).decode().rpartition("r=")[2]
    yield f"334 {b64(f'r={nonce}x,s={b64(bytes(16))},i=4096'.encode())}"
    assert (yield f"334 {b64(says)}") == ""
    yield code


@pytest.mark.parametrize("says", [b"e=invalid-proof", b"e=unknown-user", b"e=other-error,x=y"])
def test_a_server_that_says_why_scram_failed(network, says):
    """RFC 5802 §7: what counts is the reply, which is permanent for a wrong password."""
    net = network(offers=["AUTH SCRAM-SHA-256"], AUTH=lambda argument: refusing(argument, says, NO))
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(SMTPError, match="535") as caught:
        net.result(client.authenticate((USER, PASSWORD)))
    assert not caught.value.temporary


def test_a_server_that_says_no_and_then_yes_to_scram(network):
    net = network(offers=["AUTH SCRAM-SHA-256"], AUTH=lambda argument: refusing(argument, b"e=invalid-proof", OK))
    with pytest.raises(ProtocolError, match="has not proved"):
        net.result(net.greeted(allow_insecure_auth=True).authenticate((USER, PASSWORD)))


@pytest.mark.parametrize("challenge", ["!!!", "x", "YQ=", "two\n334 lines"])
def test_a_challenge_that_is_none(network, challenge):
    def exchange(argument):
        answer = yield "334 " + challenge if "\n" not in challenge else "334-a\n334 b"
        assert answer == "*"
        yield "501 5.7.0 Cancelled"

    net = network(offers=["AUTH CRAM-MD5"], AUTH=exchange)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(ProtocolError, match="CRAM-MD5"):
        net.result(client.authenticate((USER, PASSWORD)))
    assert net.result(client.noop()).code == 250


def test_a_mechanism_that_crashes(network):
    """The exchange is cancelled, so that the next command is not taken for a response."""

    class Crashing:
        name = "X-CRASHING"

        def start(self):
            return None

        def next(self, challenge):
            raise RuntimeError("crashed")

    def exchange(argument):
        answer = yield "334 "
        assert answer == "*"
        yield "501 5.7.0 Cancelled"

    net = network(offers=["AUTH X-CRASHING"], AUTH=exchange)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(RuntimeError, match="crashed"):
        net.result(client.authenticate(Crashing()))
    assert net.result(client.noop()).code == 250


def test_challenges_without_end(network):
    def exchange(argument):
        while True:
            yield "334 "

    net = network(offers=["AUTH PLAIN"], AUTH=exchange)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(ProtocolError, match="AUTH PLAIN: challenges without end") as caught:
        net.result(client.authenticate(Plain(USER, PASSWORD)))
    assert caught.value.command == "AUTH"
    assert not client.usable
    assert len(net.servers[0].lines) < 30


# ---- the choice

STRONG_TO_WEAK = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]


@pytest.mark.parametrize("best", range(len(STRONG_TO_WEAK)))
def test_the_strongest_is_chosen(network, best):
    offered = STRONG_TO_WEAK[best:]
    server = MECHANISMS[offered[0]][0]
    net = network(offers=[f"AUTH GSSAPI {' '.join(reversed(offered))}"], AUTH=server)
    net.result(net.greeted(allow_insecure_auth=True).authenticate((USER, PASSWORD)))
    assert net.servers[0].lines[1].split()[1] == offered[0]


@pytest.mark.parametrize("offers", [[], ["AUTH"], ["AUTH GSSAPI NTLM"], ["AUTH SCRAM-SHA-256-PLUS"]])
def test_nothing_to_choose_from(network, offers):
    net = network(offers=offers)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(NotOffered):
        net.result(client.authenticate((USER, PASSWORD)))
    with pytest.raises(NotOffered, match="PLAIN"):
        net.result(client.authenticate(Plain(USER, PASSWORD)))
    assert net.servers[0].verbs == ["EHLO"]


def secured(net, authority, **how):
    return connect(net, reactor=net.clock, tls="required", hostname=HOST, trust_roots=authority.path, **how)


def end_point(path):
    """RFC 5929 §4.1, not by ours."""
    return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(SHA256())


@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"])
@pytest.mark.parametrize("which", ["right", "wrong"])
def test_bound_to_the_channel(network, authority, name, which):
    """By the hash of the certificate, with a server that knows nothing better; one in the middle has another."""
    path = authority.issue(HOST)
    binding = "tls-server-end-point", end_point(path if which == "right" else authority.issue(HOST))
    net = network(
        offers=["STARTTLS", f"AUTH PLAIN SCRAM-SHA-512 {name}"],
        tls=Certificate(str(path)).creator,
        AUTH=lambda argument: scram(argument, binding),
    )
    outcome = Outcome(secured(net, authority, auth=Scram(name, USER, PASSWORD, binding=binding[0])))
    net.flush()
    assert net.servers[0].lines[3].split()[1] == name
    assert (outcome.error is None) is (which == "right")


def test_the_strongest_is_bound_to_this_very_connection(network, authority):
    net = network(offers=["STARTTLS", "AUTH PLAIN SCRAM-SHA-512 SCRAM-SHA-1-PLUS"],
                  tls=Certificate(str(authority.issue(HOST))).creator, AUTH=NO)  # fmt: skip
    Outcome(secured(net, authority, auth=(USER, PASSWORD)))
    net.flush()
    _, name, first = net.servers[0].lines[3].split()
    assert name == "SCRAM-SHA-1-PLUS"
    assert heard(first).startswith(f"p=tls-exporter,,n={USER},r=".encode())


def test_a_server_is_told_that_its_plus_has_not_been_seen(network, authority):
    """RFC 5802 §6: so that it can tell if somebody has hidden it."""
    net = network(
        offers=["STARTTLS", "AUTH SCRAM-SHA-512"], tls=Certificate(str(authority.issue(HOST))).creator, AUTH=NO
    )
    Outcome(secured(net, authority, auth=(USER, PASSWORD)))
    net.flush()
    assert heard(net.servers[0].lines[3].split()[2]).startswith(b"y,,")


def test_in_the_clear_there_is_nothing_to_bind(network):
    net = network(offers=["AUTH SCRAM-SHA-256 SCRAM-SHA-256-PLUS"], AUTH=scram)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(NotOffered, match=r"no channel binding$"):
        net.result(client.authenticate(Scram("SCRAM-SHA-256-PLUS", USER, PASSWORD)))
    assert net.servers[0].verbs == ["EHLO"]
    net.result(client.authenticate((USER, PASSWORD)))
    assert net.servers[0].lines[1].split()[1] == "SCRAM-SHA-256"


# ---- secrets

SECRETS = [PASSWORD, b64(PASSWORD.encode()), b64(f"\0{USER}\0{PASSWORD}".encode()), PASSWORD.encode().hex()]


@pytest.mark.parametrize("name", MECHANISMS)
def test_never_in_the_clear(network, name):
    server, client_half = MECHANISMS[name]
    net = network(offers=[f"AUTH {name}"], AUTH=server)
    for auth in (client_half(USER, PASSWORD), (USER, PASSWORD)):
        client = net.greeted()
        with pytest.raises(NotOffered, match="allow_insecure_auth"):
            net.result(client.authenticate(auth))
        assert net.servers[-1].verbs == ["EHLO"]


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("outcome", ["right", "wrong", "cut off", "nonsense"])
def test_secrets_stay_secret(network, name, outcome):
    """In no transcript, no exception and no repr; what was said is in none of them."""
    server, client_half = MECHANISMS[name]
    script = {"right": server, "wrong": NO, "cut off": b"", "nonsense": "nonsense"}[outcome]
    net = network(offers=[f"AUTH {name}"], AUTH=script)
    seen = []
    client = net.greeted(allow_insecure_auth=True, transcript=lambda *words: seen.append(" ".join(words)))
    auth = client_half(USER, PASSWORD)
    result = Outcome(client.authenticate(auth))
    net.flush()
    shown = "\n".join([*seen, *map(repr, (auth, client, result.results, result.error)), str(auth), str(result.error)])
    assert f"AUTH {name}" in shown
    for line in net.servers[0].lines[1:]:
        secret = line.rpartition(" ")[2] if line.startswith("AUTH") else line
        if secret and secret not in (name, "*", "="):
            assert secret not in shown
    for secret in SECRETS:
        assert secret not in shown


@pytest.mark.parametrize(("auth", "said", "begins"), [
    ((USER, PASSWORD), "SCRAM-SHA-512-PLUS", "p=tls-exporter,,n="),
    (Scram("SCRAM-SHA-256-PLUS", USER, PASSWORD, binding="tls-server-end-point"), "SCRAM-SHA-256-PLUS",
     "p=tls-server-end-point,,n="),
    (Scram("SCRAM-SHA-256", USER, PASSWORD), "SCRAM-SHA-256", "n,,n="),
    ((USER, "guesswork"), "SCRAM-SHA-512-PLUS", "p=tls-exporter,,n="),
    (("nobody", PASSWORD), "SCRAM-SHA-512-PLUS", "p=tls-exporter,,n="),
], ids=["the best", "the other binding", "unbound", "wrong", "nobody"])  # fmt: skip
def test_to_our_own_server_bound_to_the_channel(network, authority, tmp_path, auth, said, begins):
    users = str(tmp_path / "users")
    store(users, USER, hashes("scram", PASSWORD.encode(), 4096))
    backend = portal(ScramChecker(users, now))
    certificate = Certificate(str(authority.issue(HOST)))
    clock = Clock()
    factory = SMTPServerFactory(backend, tls=certificate, auth_failure_delay=0, reactor=clock)
    net = network(lambda: factory.buildProtocol(None))
    net.clock = clock
    lines = []
    outcome = Outcome(secured(net, authority, auth=auth, transcript=lambda session, who, line: lines.append(line)))
    net.flush()
    net.clock.advance(0)
    net.flush()
    assert [line.split()[1] for line in lines if line.startswith("AUTH ")] == [said]
    if isinstance(auth, tuple) and auth != (USER, PASSWORD):
        assert str(outcome.error) == "AUTH: 535 5.7.8 Authentication credentials invalid"
        return
    client = outcome.result()
    assert net.servers[0].dialog.connection.username == USER
    net.result(client.quit())


def test_to_our_own_server(network, authority):
    """After STARTTLS, with both mechanisms that it knows."""

    certificate = Certificate(str(authority.issue(HOST)))
    for auth in ((USER, PASSWORD), AuthLogin(USER, PASSWORD)):
        backend = RecordingBackend({USER: PASSWORD})
        net = network(lambda backend=backend: SMTPServerFactory(backend, tls=certificate).buildProtocol(None))
        client = net.result(secured(net, authority, auth=auth))
        net.result(client.send("a@example.org", ["b@example.net"], b"x\r\n"))
        assert backend.messages[0].username == USER
        net.result(client.quit())
