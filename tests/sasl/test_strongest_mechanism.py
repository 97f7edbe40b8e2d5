"""Which mechanism a name and a password lead to, by what the server announces and what this system computes."""

from __future__ import annotations

import hmac

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import CancelledError

from tests.encoding import b64
from tests.sasl.exchanges import now, portal
from tests.sasl.test_mechanisms import HOST, MECHANISMS, NO, OK, PASSWORD, USER, cram, heard, plain, scram
from tests.threads import Threads
from txsmtpx import (
    AuthLogin,
    Certificate,
    ConnectionAborted,
    CramMD5,
    Fault,
    NetworkError,
    NotOffered,
    ProtocolError,
    Scram,
    SMTPError,
    connect,
)
from txsmtpx.logins.scram_file import ScramChecker
from txsmtpx.passwd import hashes, store
from txsmtpx.sasl.mechanisms import satisfied_by
from txsmtpx.sasl.scram_verifier import MOST_ITERATIONS
from txsmtpx.testing import HANG_UP, Outcome

AUTH = (USER, PASSWORD)


# ---- what the server announces


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        (["AUTH PLAIN", "AUTH LOGIN"], {"PLAIN", "LOGIN"}),
        (["AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"], {"PLAIN", "LOGIN"}),
        (["AUTH=LOGIN", "AUTH CRAM-MD5 PLAIN"], {"PLAIN", "LOGIN", "CRAM-MD5"}),
        (["AUTH=PLAIN"], {"PLAIN"}),
        (["auth=plain", "Auth login", "AuTh=cram-md5"], {"PLAIN", "LOGIN", "CRAM-MD5"}),
        (["AUTH", "AUTH PLAIN", "AUTH="], {"PLAIN"}),
        (["AUTH\tPLAIN\tLOGIN"], {"PLAIN", "LOGIN"}),
        (["AUTH= PLAIN", "AUTH =LOGIN"], {"PLAIN", "LOGIN"}),
        (["AUTH PLAIN", "PIPELINING", "AUTH LOGIN", "SIZE", "AUTH GSSAPI"], {"PLAIN", "LOGIN", "GSSAPI"}),
    ],
    ids=lambda given: " + ".join(sorted(given)),
)
def test_all_that_is_offered_is_taken_together(network, lines, mechanisms):
    client = network(offers=lines).greeted()
    assert client.extensions["AUTH"] == mechanisms


@pytest.mark.parametrize("lines", [["AUTH PLAIN", "AUTH GSSAPI"], ["AUTH=PLAIN"], ["AUTH=PLAIN", "AUTH NTLM"]])
def test_a_login_by_what_stands_on_another_line(network, lines):
    net = network(offers=lines, AUTH=plain)
    assert net.result(net.greeted(allow_insecure_auth=True).authenticate(AUTH)).code == 235


def test_other_lists_on_several_lines(network):
    client = network(offers=["XCLIENT NAME ADDR", "XCLIENT PROTO", "LIMITS RCPTMAX=5", "LIMITS MAILMAX=7"]).greeted()
    assert client.extensions["XCLIENT"] == {"NAME", "ADDR", "PROTO"}
    assert client.extensions["LIMITS"] == {"RCPTMAX": 5, "MAILMAX": 7}


def test_what_is_no_list_counts_as_it_came_last(network):
    assert network(offers=["SIZE 100", "SIZE 200"]).greeted().max_message_size == 200


# ---- what this system computes


@pytest.fixture
def without(monkeypatch):
    """Takes a hash away, as FIPS 140 does with MD5."""

    def take_away(*names):
        real = hmac.new

        def new(key, message=None, digestmod=""):
            if digestmod in names:
                raise ValueError("[digital envelope routines] unsupported")
            return real(key, message, digestmod)

        monkeypatch.setattr(hmac, "new", new)

    return take_away


def test_without_md5_a_password_goes_by_plain(network, without):
    without("md5")
    net = network(offers=["AUTH CRAM-MD5 PLAIN"], AUTH=plain)
    assert net.result(net.greeted(allow_insecure_auth=True).authenticate(AUTH)).code == 235
    assert net.servers[0].verbs == ["EHLO", "AUTH"]


def test_without_a_hash_the_next_mechanism_is_taken(network, without):
    without("sha512", "sha256", "sha1", "md5")
    net = network(offers=[f"AUTH {' '.join(MECHANISMS)}"], AUTH=plain)
    assert net.result(net.greeted(allow_insecure_auth=True).authenticate(AUTH)).code == 235
    assert net.servers[0].lines[1].split()[1] == "PLAIN"


def test_cram_md5_alone_without_md5(network, without):
    without("md5")
    net = network(offers=["AUTH CRAM-MD5"], AUTH=cram)
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(NotOffered) as caught:
        net.result(client.authenticate(AUTH))
    assert str(caught.value) == "no mechanism for a password is offered, only: CRAM-MD5 (this system has no MD5)"
    with pytest.raises(NotOffered) as caught:
        net.result(client.authenticate(CramMD5(*AUTH)))
    assert str(caught.value) == "AUTH CRAM-MD5 needs MD5, which this system lacks"
    assert caught.value.fault is Fault.CALLER
    assert net.servers[0].verbs == ["EHLO"]
    assert net.result(client.noop()).code == 250


def test_a_scram_that_the_caller_has_chosen(network, without):
    without("sha1")
    net = network(offers=["AUTH SCRAM-SHA-1"], AUTH=scram)
    with pytest.raises(NotOffered, match=r"^AUTH SCRAM-SHA-1 needs SHA1, which this system lacks$"):
        net.result(net.greeted(allow_insecure_auth=True).authenticate(Scram("SCRAM-SHA-1", *AUTH)))
    assert net.servers[0].verbs == ["EHLO"]


def test_a_server_offers_no_mechanism_that_it_cannot_compute(without):
    everybody = InMemoryUsernamePasswordDatabaseDontUse()
    hashed = portal(everybody)

    def offered():
        return {mechanism.name for mechanism in satisfied_by(hashed)}

    assert offered() == {"CRAM-MD5", "PLAIN", "LOGIN"}
    without("md5")
    assert offered() == {"PLAIN", "LOGIN"}


def test_nor_a_scram_that_it_cannot_compute(without, tmp_path):
    users = str(tmp_path / "users")
    store(users, "me", hashes("scram", b"secret", 4096))
    without("sha1", "sha512")
    names = {mechanism.name for mechanism in satisfied_by(portal(ScramChecker(users, now)))}
    assert names == {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN"}


# ---- what fails


def one_after_the_other(**servers):
    """An answer to AUTH, by mechanism."""
    return lambda argument: servers[argument.partition(" ")[0].replace("-", "_")](argument)


def refused(said):
    def exchange(argument):
        yield f"334 {b64(b'<1.2@mx.example.net>')}"
        yield said

    return exchange


def no_challenge(argument):
    assert (yield "334 !!!") == "*"
    yield "501 5.7.0 Cancelled"


def secured(network, authority, offers, **script):
    """A client inside TLS."""
    net = network(offers=["STARTTLS", *offers], tls=Certificate(str(authority.issue(HOST))).creator, **script)
    how = {"reactor": net.clock, "tls": "required", "hostname": HOST, "trust_roots": authority.path}
    return net, net.result(connect(net, **how))


FAILURES = {
    "535": refused(NO),
    "454": refused("454 4.7.0 Later"),
    "504": lambda argument: "504 5.5.4 Unknown",
    "500": lambda argument: "500 5.5.1 What",
    "no challenge": no_challenge,
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("last", ["PLAIN", "LOGIN"])
def test_after_cram_md5_comes_plain_inside_tls(network, authority, failure, last):
    answers = one_after_the_other(CRAM_MD5=failure, **{last: MECHANISMS[last][0]})
    net, client = secured(network, authority, [f"AUTH CRAM-MD5 {last}"], AUTH=answers)
    assert net.result(client.authenticate(AUTH)).code == 235


def test_both_fail(network, authority):
    net, client = secured(
        network, authority, ["AUTH CRAM-MD5 PLAIN"], AUTH=one_after_the_other(CRAM_MD5=refused(NO), PLAIN=refused(NO))
    )
    with pytest.raises(SMTPError, match="535"):
        net.result(client.authenticate(AUTH))
    assert [line.split()[1] for line in net.servers[0].lines if line.startswith("AUTH")] == ["CRAM-MD5", "PLAIN"]
    assert client.usable


def test_in_the_clear_nothing_follows(network):
    """``allow_insecure_auth`` or not: what CRAM-MD5 has kept from the wire does not follow in the clear."""
    net = network(offers=["AUTH CRAM-MD5 PLAIN"], AUTH=one_after_the_other(CRAM_MD5=refused(NO)))
    with pytest.raises(SMTPError, match="535"):
        net.result(net.greeted(allow_insecure_auth=True).authenticate(AUTH))
    assert len(net.servers[0].lines) == 3


@pytest.mark.parametrize("end", ["421 4.7.0 Enough", HANG_UP], ids=["421", "hangs up"])
def test_nothing_follows_on_a_connection_that_is_over(network, authority, end):
    net, client = secured(network, authority, ["AUTH CRAM-MD5 PLAIN"], AUTH=end)
    outcome = Outcome(client.authenticate(AUTH))
    net.flush()
    assert isinstance(outcome.error, NetworkError | SMTPError)
    assert not any(line.startswith("AUTH PLAIN") for line in net.servers[0].lines)


def test_nothing_follows_what_the_caller_has_chosen(network, authority):
    net, client = secured(
        network, authority, ["AUTH CRAM-MD5 PLAIN"], AUTH=one_after_the_other(CRAM_MD5=refused(NO), PLAIN=plain)
    )
    with pytest.raises(SMTPError, match="535"):
        net.result(client.authenticate(CramMD5(*AUTH)))


@pytest.mark.parametrize("lie", [None, "no proof"], ids=["refused", "no proof"])
def test_the_password_does_not_follow_scram(network, authority, lie):
    """Who has not passed SCRAM may be in the middle."""
    net, client = secured(
        network,
        authority,
        ["AUTH SCRAM-SHA-256 PLAIN"],
        AUTH=lambda argument: (scram(argument, lie=lie) if lie else NO) if argument.startswith("SCRAM") else OK,
    )
    with pytest.raises((SMTPError, ProtocolError)):
        net.result(client.authenticate(AUTH))
    assert not any(line.startswith("AUTH PLAIN") for line in net.servers[0].lines)


# ---- iterations


def asking_for(iterations, answers):
    def exchange(argument):
        nonce = heard(argument.partition(" ")[2]).decode().rpartition("r=")[2]
        answers.append((yield f"334 {b64(f'r={nonce}x,s={b64(bytes(16))},i={iterations}'.encode())}"))
        yield "501 5.7.0 Cancelled" if answers[-1] == "*" else NO

    return exchange


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize(
    "iterations", [1, 4095, MOST_ITERATIONS + 1, 2_000_000, 9_999_999, 10_000_000, 10**12, "9" * 5000]
)
def test_too_many_iterations_are_refused_at_once(network, name, iterations):
    answers, threads = [], Threads()
    net = network(offers=[f"AUTH {name}"], AUTH=asking_for(iterations, answers))
    client = net.greeted(allow_insecure_auth=True)
    client.protocol.in_thread = threads
    with pytest.raises(ProtocolError) as caught:
        net.result(client.authenticate(AUTH))
    wanted = f"AUTH {name}: the server asks for {str(iterations)[:20]} iterations, not 4096 to 1000000"
    assert str(caught.value) == wanted
    assert answers == ["*"]
    assert not threads.waiting
    assert net.result(client.noop()).code == 250


def test_iterations_are_computed_in_a_thread(network):
    threads = Threads()
    net = network(offers=["AUTH SCRAM-SHA-512"], AUTH=scram)
    client = net.greeted(allow_insecure_auth=True)
    client.protocol.in_thread = threads
    outcome = Outcome(client.authenticate(AUTH))
    net.flush()
    assert not outcome.fired
    assert len(net.servers[0].lines) == 2  # EHLO and AUTH: the reactor goes on, the server waits
    threads.work()
    net.flush()
    assert outcome.result().code == 235


def test_a_login_that_is_cancelled_while_it_is_computed(network):
    threads = Threads()
    net = network(offers=["AUTH SCRAM-SHA-512"], AUTH=scram)
    client = net.greeted(allow_insecure_auth=True)
    client.protocol.in_thread = threads
    logging_in = client.authenticate(AUTH)
    outcome = Outcome(logging_in)
    net.flush()
    logging_in.cancel()
    net.flush()
    assert isinstance(outcome.error, CancelledError)
    assert outcome.error.command == "AUTH"
    assert net.servers[0].lost
    assert "*" not in net.servers[0].lines
    assert isinstance(Outcome(client.noop()).error, ConnectionAborted)


@pytest.mark.parametrize("end", ["lost", "421 4.3.2 Stopping", "250 2.0.0 What"])
def test_a_connection_that_ends_while_it_is_computed(network, end):
    """The error comes at once, and does not wait for the thread."""
    threads = Threads()
    net = network(offers=["AUTH SCRAM-SHA-512"], AUTH=scram)
    client = net.greeted(allow_insecure_auth=True)
    client.protocol.in_thread = threads
    outcome = Outcome(client.authenticate(AUTH))
    net.flush()
    server = net.servers[0]
    if end == "lost":
        server.transport.abortConnection()
    else:
        server.send_reply(end)
    net.flush()
    assert isinstance(outcome.error, {"l": NetworkError, "4": SMTPError, "2": ProtocolError}[end[0]])
    assert "*" not in server.lines


@pytest.mark.parametrize("half", [Scram("SCRAM-SHA-256", *AUTH), AuthLogin(*AUTH)], ids=lambda half: half.name)
def test_one_half_serves_several_connections_at_the_same_time(network, half):
    """As that of a pool does."""
    threads = Threads()
    net = network(offers=[f"AUTH {half.name}"], AUTH=MECHANISMS[half.name][0])
    clients = [net.greeted(allow_insecure_auth=True) for _ in range(3)]
    for client in clients:
        client.protocol.in_thread = threads
    outcomes = [Outcome(client.authenticate(half)) for client in clients]
    net.flush()
    while threads.waiting:
        threads.work()
    net.flush()
    assert [outcome.result().code for outcome in outcomes] == [235] * 3


def test_by_hand_it_is_computed_at_once():
    half = Scram("SCRAM-SHA-256", *AUTH)
    nonce = half.start().decode().rpartition("r=")[2]
    said = half.next(f"r={nonce}x,s={b64(bytes(16))},i=4096".encode())
    assert said.startswith(b"c=biws,r=")


@pytest.mark.parametrize("words", [("us\x07er", "x"), ("user", "pass\x07word")])
def test_a_name_or_password_that_scram_cannot_have(words):
    with pytest.raises(ValueError, match="a character that no name or password may hold"):
        Scram("SCRAM-SHA-256", *words)
