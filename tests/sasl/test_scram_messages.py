"""SCRAM's messages and its arithmetic: the RFCs' own examples, round trips, and ``scramp`` at the other end."""

from __future__ import annotations

import base64
import contextlib

import pytest
import scramp
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.sasl.exchanges import now, portal
from txsmtpx.logins.scram_file import ScramChecker
from txsmtpx.passwd import hashes, store
from txsmtpx.sasl import scram_messages as messages
from txsmtpx.sasl.scram import Scram, ScramServer
from txsmtpx.sasl.scram_verifier import (
    HASHES,
    LEAST_ITERATIONS,
    MOST_ITERATIONS,
    client_key,
    salted_password,
    verifier_for,
    verifier_of,
)

EXAMPLES = {
    "SCRAM-SHA-1": (  # RFC 5802 §5
        "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (  # RFC 7677 §3
        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.mark.parametrize("mechanism", EXAMPLES)
def test_the_example_of_the_rfc(mechanism):
    first, said, final, signed = EXAMPLES[mechanism]
    begun = messages.read_client_first(first)
    assert begun[:5] == ("n,,", "n", "", "user", first.rpartition("r=")[2])
    nonce, salt, iterations = messages.read_server_first(said)
    salted = salted_password(mechanism, b"pencil", salt, iterations)
    verifier = verifier_of(mechanism, salted, salt, iterations)
    assert verifier == verifier_for(mechanism, b"pencil", salt, iterations)
    assert messages.server_first(nonce, verifier) == said
    shown = messages.read_client_final(final)
    message = ",".join([begun.bare, said, shown.bare]).encode()
    assert messages.proves(mechanism, shown.proof, verifier, message)
    bare = messages.client_final(messages.bound(begun.header, begun.flag, {}), nonce)
    made = messages.client_proof(mechanism, client_key(mechanism, salted), verifier, message)
    assert messages.proved(bare, made) == final
    assert messages.server_final(messages.server_signature(mechanism, verifier, message)) == signed
    for wrong in (shown.proof + b"\0", shown.proof[:-1], b"", bytes(len(shown.proof)), shown.proof * 2):
        assert not messages.proves(mechanism, wrong, verifier, message)


names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
nonces = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=20)
flags = st.sampled_from(["n", "y", "p=tls-exporter", "p=tls-server-end-point"])
octets = st.binary(min_size=1, max_size=64)


@given(flag=flags, authorization=st.just("") | names, username=names, nonce=nonces)
def test_client_first_is_read_as_it_was_meant(flag, authorization, username, nonce):
    header, bare = messages.client_first(flag, authorization, username, nonce)
    assert messages.read_client_first(header + bare) == (header, flag, authorization, username, nonce, bare)


ITERATIONS = st.integers(LEAST_ITERATIONS, MOST_ITERATIONS)


@given(nonce=nonces, salt=octets, iterations=ITERATIONS, binding=octets, shown=octets)
def test_the_rest_is_read_as_it_was_meant(nonce, salt, iterations, binding, shown):
    verifier = verifier_for("SCRAM-SHA-1", b"x", salt, 1)._replace(iterations=iterations)
    assert messages.read_server_first(messages.server_first(nonce, verifier)) == (nonce, salt, iterations)
    bare = messages.client_final(binding, nonce)
    assert messages.read_client_final(messages.proved(bare, shown)) == (binding, nonce, shown, bare)
    assert messages.read_server_final(messages.server_final(shown)) == shown


@given(text=st.text("nyp=,armscivex+/AQ0123\0é", max_size=40))
@settings(max_examples=300)
def test_anything_else_is_a_value_error(text):
    readers = (
        messages.read_client_first, messages.read_server_first, messages.read_client_final, messages.read_server_final,
    )  # fmt: skip
    for read in readers:
        with contextlib.suppress(ValueError):
            read(text)


@pytest.mark.parametrize("text", [
    "n,,n=user,r=abc,m=x", "n,,m=x,n=user,r=abc", "n,,n=user,r=abc,r=def", "n,,n=us=er,r=abc", "n,,n=,r=abc",
    "n,,r=abc", "n,,n=user,r=", "n,,n=user,r=a c", "n,a=,n=user,r=abc", "n,user,n=user,r=abc", "p,,n=user,r=abc",
    "n,,n=us\0er,r=abc", "F,n,,n=user,r=abc", "n,,n=\u0007,r=abc", "n,,n=\u00ad,r=abc",
])  # fmt: skip
def test_no_client_first(text):
    with pytest.raises(ValueError, match=r"."):
        messages.read_client_first(text)


def test_what_is_not_known_yet_is_ignored():
    """RFC 5802 §5.1."""
    assert messages.read_client_first("n,,n=user,r=abc,x=1,Y==").bare == "n=user,r=abc,x=1,Y=="
    assert messages.read_server_first("r=abc,s=QQ==,i=4096,x=1") == ("abc", b"A", 4096)
    assert messages.read_client_final("c=biws,r=abc,x=1,p=QQ==").bare == "c=biws,r=abc,x=1"
    assert messages.read_server_final("v=QQ==,x=1") == b"A"


@pytest.mark.parametrize("iterations", ["0", "4095", "04096", "1000001", "99999999999", "-1", "4096.0", ""])
def test_too_little_and_too_much_work(iterations):
    with pytest.raises(ValueError, match=r"."):
        messages.read_server_first(f"r=abc,s=QQ==,i={iterations}")


# ---- scramp at the other end

BINDINGS = {None: "", "tls-server-end-point": "-PLUS"}


def came(step):
    """What it comes to, at once."""
    outcomes = []
    Deferred.fromCoroutine(step).addBoth(outcomes.append)
    if isinstance(outcomes[0], Failure):
        outcomes[0].raiseException()
    return outcomes[0]


class Connection:
    class tls:
        bindings = {"tls-server-end-point": b"a fingerprint"}  # noqa: RUF012


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("mechanism", HASHES)
@pytest.mark.parametrize(("username", "password", "right"), [
    ("user", "pencil", True), ("ü,s=r", "p\u00adẅ,=d", True), ("user", "pencils", False),
])  # fmt: skip
def test_our_client_and_another_server(mechanism, binding, username, password, right):
    name = mechanism + BINDINGS[binding]
    made = scramp.ScramMechanism(name)
    known = made.make_auth_info("pencil" if username == "user" else "pẅ,=d", iteration_count=4096)
    channel = (binding, Connection.tls.bindings[binding]) if binding else None
    server = made.make_server(lambda asked: {username: known}[asked], channel_binding=channel)
    client = Scram(name, username, password, binding=binding or "")
    client.bind(Connection.tls.bindings if binding else {}, [name])
    server.set_client_first(client.start().decode())
    answer = client.next(server.get_server_first().encode()).decode()
    if not right:
        with pytest.raises(scramp.ScramException):
            server.set_client_final(answer)
        return
    server.set_client_final(answer)
    assert client.next(server.get_server_final().encode()) == b""
    assert client.finished


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("mechanism", HASHES)
@pytest.mark.parametrize(("username", "password", "right"), [
    ("user", "pencil", True), ("ü,s=r", "p\u00adẅ,=d", True), ("user", "pencils", False), ("nobody", "pencil", False),
])  # fmt: skip
def test_another_client_and_our_server(mechanism, binding, username, password, right, tmp_path):
    users = str(tmp_path / "users")
    for name, word in [("user", "pencil"), ("ü,s=r", "pẅ,=d")]:
        store(users, name, hashes("scram", word.encode(), 4096))
    name = mechanism + BINDINGS[binding]
    channel = (binding, Connection.tls.bindings[binding]) if binding else None
    client = scramp.ScramClient([name], username, password, channel_binding=channel)
    server = ScramServer(name, Connection, portal(ScramChecker(users, now)))
    client.set_server_first(came(server.next(client.get_client_first().encode())).decode())
    final = client.get_client_final().encode()
    if not right:
        with pytest.raises(Exception, match="535"):
            came(server.next(final))
        return
    client.set_server_final(came(server.next(final)).decode())
    assert server.next(b"").username == username.encode()


def test_a_server_that_makes_up_its_proof():
    client = Scram("SCRAM-SHA-1", "user", "pencil")
    client.start()
    for said in (b"r=abc,s=QQ==,i=4096", b"v=QQ==", b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            client.next(said)
    nonce = client._nonce
    with pytest.raises(ValueError, match="does not extend"):
        client.next(f"r={nonce},s=QQ==,i=4096".encode())
    client.next(f"r={nonce}x,s=QQ==,i=4096".encode())
    for said in (b"v=" + base64.b64encode(b"x" * 20), b""):
        with pytest.raises(ValueError, match=r"."):
            client.next(said)
    assert client.next(b"e=invalid-proof") == b""  # the reply to that says why
    assert not client.finished
    assert not client.finished
