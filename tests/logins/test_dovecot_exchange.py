"""A login that Dovecot checks: what Dovecot is asked, and what the client is answered."""

from __future__ import annotations

import base64

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from tests.encoding import b64
from tests.filters.daemon import NEVER, REFUSED
from tests.logins.dovecot import Dovecot, greeting, plain
from txsmtpx.logins.dovecot_exchange import DovecotLogin

DONE = ["235 2.7.0 Authentication succeeded"]
FAILED = ["535 5.7.8 Authentication credentials invalid"]
TEMPORARY = ["454 4.7.0 Temporary authentication failure"]


@pytest.fixture
def dovecot() -> Dovecot:
    return Dovecot().start()


class TLS:
    """TLS with a client certificate."""

    def __init__(self, *names: str, verified: bool = True) -> None:
        self.peer_names = names
        self.verified = verified
        self.bindings: dict[str, bytes] = {}


def test_a_login(dovecot):
    client = dovecot.client()
    assert client.ask(plain()) == []
    word, number, mechanism, service, *_, response = dovecot.request()
    assert (word, number, mechanism, service) == ("AUTH", "1", "PLAIN", "service=smtp")
    assert response == "resp=" + b64("\0alice\0secret")
    dovecot.say("OK", "1", "user=alice@example.org", "pass=secret")
    assert client.replies() == DONE
    assert client.protocol.dialog.connection.username == "alice@example.org"
    assert client.protocol.dialog.connection.mechanism == "PLAIN"
    client.hang_up()


def test_challenges_and_responses_pass_octet_for_octet(dovecot):
    client = dovecot.client()
    first, last = bytes(range(256)), b"\0\xff,n,,"
    assert client.ask("AUTH SCRAM-SHA-256 " + base64.b64encode(first).decode()) == []
    assert dovecot.request()[-1] == "resp=" + base64.b64encode(first).decode()
    dovecot.say("CONT", "1", base64.b64encode(first[::-1]).decode())
    assert client.replies() == ["334 " + base64.b64encode(first[::-1]).decode()]
    assert client.ask(base64.b64encode(last).decode()) == []
    assert dovecot.request() == ["CONT", "1", base64.b64encode(last).decode()]
    dovecot.say("CONT", "1", "")
    assert client.replies() == ["334 "]
    client.ask("")
    assert dovecot.request() == ["CONT", "1", ""]
    dovecot.say("OK", "1", "user=alice")
    assert client.replies() == DONE
    client.hang_up()


@pytest.mark.parametrize(("line", "last"), [("AUTH PLAIN", None), ("AUTH PLAIN =", "resp="), ("AUTH plain", None)])
def test_an_initial_response_that_is_missing_is_not_an_empty_one(dovecot, line, last):
    client = dovecot.client()
    client.ask(line)
    fields = dovecot.request()
    assert fields[2] == "PLAIN"
    assert fields[-1] == last if last is not None else not fields[-1].startswith("resp=")


def test_a_mechanism_in_which_the_server_is_first_takes_no_initial_response(dovecot):
    client = dovecot.client()
    assert client.ask("AUTH CRAM-MD5 AA==") == ["501 5.7.0 That mechanism has no initial response"]
    assert not dovecot.pipe.asked


def test_what_dovecot_is_told_of_the_client(dovecot):
    client = dovecot.client()
    connection = client.protocol.dialog.connection
    connection.peer, connection.host = IPv6Address("TCP", "2001:db8::1", 5), IPv4Address("TCP", "192.0.2.1", 587)
    connection.tls = TLS(verified=False)
    client.ask("AUTH PLAIN")
    assert dovecot.request()[3:] == [
        "service=smtp", "secured=tls", f"session={connection.session_id}", "lip=192.0.2.1", "lport=587",
        "rip=2001:db8::1", "rport=5",
    ]  # fmt: skip


@pytest.mark.parametrize(("names", "wanted", "found"), [
    (("a@b.test", "Ann"), "=", "a@b.test"), (("a@b.test", "Ann"), b64("Ann"), "Ann"),
    (("a@b.test",), b64("Eve"), "a@b.test"), (("a\tb",), "=", "a\x01tb"), ((), "=", None),
    (("a" * 201,), "=", None), (("a" * 201, "a" * 200), "=", "a" * 200),
])  # fmt: skip
def test_a_certificate(names, wanted, found):
    dovecot = Dovecot().start("EXTERNAL")
    client = dovecot.client()
    client.protocol.dialog.connection.tls = TLS(*names)
    client.ask(f"AUTH EXTERNAL {wanted}")
    fields = dovecot.request()
    assert "valid-client-cert" in fields
    assert [each for each in fields if each.startswith("cert_username=")] == [f"cert_username={found}"] * bool(found)


def test_the_name_in_the_certificate_is_the_one_that_the_client_asks_for():
    dovecot = Dovecot().start("EXTERNAL")
    client = dovecot.client()
    client.protocol.dialog.connection.tls = TLS("a@b.test", "Ann")
    assert client.ask("AUTH EXTERNAL") == ["334 "]
    client.ask(b64("Ann"))
    assert {"cert_username=Ann", "resp=" + b64("Ann")} <= {*dovecot.request()}


def test_external_needs_a_certificate():
    dovecot = Dovecot().start("EXTERNAL", "PLAIN")
    client = dovecot.client()
    client.protocol.dialog.connection.tls = TLS(verified=False)
    assert client.ask("EHLO client.example")[-1] == "250 AUTH PLAIN"
    assert client.ask("AUTH EXTERNAL =")[-1][:3] == "504"


@pytest.mark.parametrize(("fields", "reply"), [
    ([], FAILED),
    (["user=alice"], FAILED),
    (["user=alice", "authz"], FAILED),
    (["code=authz_fail"], FAILED),
    (["temp"], TEMPORARY),
    (["code=temp_fail"], TEMPORARY),
    (["reason=Authentication request timed out"], ["454 4.7.0 Authentication request timed out"]),
    (["user_disabled"], ["525 5.7.13 User account disabled"]),
    (["code=user_disabled"], ["525 5.7.13 User account disabled"]),
    (["pass_expired"], ["535 5.7.8 Password expired"]),
    (["code=pass_expired"], ["535 5.7.8 Password expired"]),
    (["code=pass_expired", "reason=Renew it at example.org"], ["535 5.7.8 Renew it at example.org"]),
    (["temp", "reason=The database\x01n\x01r rests, süß"], ["454 4.7.0 The database rests, s"]),
    (["reason=" + "x" * 1000], ["535 5.7.8 " + "x" * 200]),
    (["unknown=1", "code=unheard_of"], FAILED),
])  # fmt: skip
def test_a_refusal(dovecot, fields, reply):
    client = dovecot.client()
    client.ask(plain())
    dovecot.say("FAIL", "1", *fields)
    dovecot.clock.advance(0)
    assert client.replies()[0][: len(reply[0])] == reply[0]
    client.hang_up()


@pytest.mark.parametrize("name", [b"\xff", b"alice\xff", b"\x01" * 9000, "jürgen".encode()])
def test_a_name_that_a_client_makes_up_disturbs_nobody(dovecot, name):
    """Dovecot repeats it in a refusal.  The connection, which others use, stays."""
    other, client = dovecot.client(), dovecot.client()
    other.ask(plain())
    client.ask("AUTH LOGIN")
    escaped_name = name.replace(b"\x01", b"\x011")
    dovecot.pipe.say(b"FAIL\t2\tuser=" + escaped_name + b"\toriginal_user=" + escaped_name + b"\n")
    dovecot.clock.advance(0)
    assert client.replies() == FAILED
    dovecot.say("OK", "1", "user=alice")
    assert other.replies() == DONE


def test_refusals_are_counted_and_dovecots_delay_is_the_only_one(dovecot):
    """Guarantee 7."""
    client = dovecot.client(max_auth_failures=2, auth_failure_delay=60)
    for number in ("1", "2"):
        client.ask(plain("guess"))
        dovecot.say("FAIL", number, "user=alice")
        dovecot.clock.advance(0)
    assert client.replies() == [*FAILED, "421 4.7.0 Too many failed logins, closing the connection"]


def test_the_log_has_the_user_and_no_secret(dovecot):
    """Guarantee 7."""
    with capturedLogs() as events:
        client = dovecot.client(transcript=True)
        client.ask(plain("guesswork"))
        dovecot.say("FAIL", "1", "user=alice", "reason=no")
        dovecot.clock.advance(0)
        client.ask(plain("guesswork"))
        dovecot.say("OK", "2", "user=alice", "pass=guesswork", "proxy")
    text = "\n".join(f"{formatEvent(event)}\n{event}" for event in events)
    assert "user=alice count=1" in text.replace('"', "")
    assert "'alice' logged in" in text
    assert "guesswork" not in text
    assert b64("\0alice\0guesswork") not in text


@pytest.mark.parametrize(("fields", "reply"), [
    (["nologin"], "525 5.7.13 User account disabled"), (["nologin", "reason=Not yet"], "525 5.7.13 Not yet"),
    (["proxy", "nopassword"], TEMPORARY[0]),
])  # fmt: skip
def test_an_acceptance_that_is_none(dovecot, fields, reply):
    """Dovecot has not checked the password of such a proxy."""
    client = dovecot.client()
    client.ask(plain())
    dovecot.say("OK", "1", "user=alice", *fields)
    dovecot.clock.advance(1)
    assert client.replies() == [reply]
    assert client.protocol.dialog.connection.username is None


@pytest.mark.parametrize("user", [b"", b"\xff", b"a\x01nb", b"a\x010", b"a\x01tb", "a\u2028b".encode()])
def test_an_acceptance_of_a_user_that_no_log_and_no_protocol_can_show(dovecot, user):
    client = dovecot.client()
    client.ask(plain())
    dovecot.pipe.say(b"OK\t1\tuser=" + user + b"\n")
    dovecot.clock.advance(1)
    assert client.replies() == TEMPORARY
    assert client.protocol.dialog.connection.username is None


def test_an_acceptance_without_a_user_after_a_challenge(dovecot):
    client = dovecot.client()
    client.ask("AUTH SCRAM-SHA-256 AA==")
    dovecot.say("OK", "1", "resp=dj1zaWc=")
    client.ask("")
    dovecot.clock.advance(1)
    assert client.replies() == TEMPORARY


def test_a_final_challenge_within_the_outcome(dovecot):
    """SMTP has no data with its last reply."""
    client = dovecot.client()
    client.ask("AUTH SCRAM-SHA-256 AA==")
    dovecot.say("OK", "1", "user=alice", "resp=dj1zaWc=")
    assert client.replies() == ["334 dj1zaWc="]
    assert client.ask("") == DONE


def test_an_error_before_a_refusal(dovecot):
    """RFC 7628 §3.2.3, as Dovecot 2.4 sends it."""
    client = dovecot.client()
    client.ask("AUTH SCRAM-SHA-256 AA==")
    dovecot.say("FAIL", "1", "user=alice", "resp=e30=")
    assert client.replies() == ["334 e30="]
    client.ask("AQ==")
    dovecot.clock.advance(0)
    assert client.replies() == FAILED


@pytest.mark.parametrize("answer", [
    b"OK\t1\n", b"OK\t1\tuser=\n", b"OK\t1\tuser=\xff\n", b"OK\t1\tuser=alice\tresp=!\n", b"nonsense\n",
    b"CONT\t1\t!\n", b"VERSION\t1\t2\n",
])  # fmt: skip
def test_an_answer_that_is_none(dovecot, answer):
    client = dovecot.client()
    client.ask(plain())
    dovecot.pipe.say(answer)
    dovecot.clock.advance(1)
    assert client.replies() == TEMPORARY
    client.hang_up()


@pytest.mark.parametrize("mode", [REFUSED, NEVER])
def test_dovecot_cannot_be_reached(mode):
    dovecot = Dovecot(mode)
    client = dovecot.client()
    client.ask(plain())
    dovecot.clock.pump([1] * 12)
    assert client.replies() == TEMPORARY
    client.hang_up()


def test_dovecot_hangs_in_the_handshake():
    dovecot = Dovecot()
    client = dovecot.client()
    client.ask(plain())
    dovecot.clock.pump([1] * 12)
    assert client.replies() == TEMPORARY


def test_dovecot_hangs(dovecot):
    client = dovecot.client()
    client.ask(plain())
    dovecot.clock.pump([1] * 32)
    assert client.replies() == TEMPORARY
    client.ask(plain())
    dovecot.pipe.say(greeting())
    dovecot.say("OK", "1", "user=alice")
    assert client.replies() == DONE


@pytest.mark.parametrize("within", [0, 1])
def test_dovecot_is_killed_within_an_exchange(dovecot, within):
    """While it is asked, and while the client is."""
    client = dovecot.client()
    client.ask("AUTH LOGIN")
    if within:
        dovecot.say("CONT", "1", "VXNlcm5hbWU6")
        client.replies()
    dovecot.mode = REFUSED
    dovecot.pipe.hang_up()
    if within:
        client.ask("AA==")
    dovecot.clock.advance(1)
    assert client.replies() == TEMPORARY
    client.hang_up()


def test_an_exchange_does_not_go_on_over_another_connection(dovecot):
    client = dovecot.client()
    client.ask("AUTH LOGIN")
    dovecot.say("CONT", "1", "VXNlcm5hbWU6")
    client.replies()
    dovecot.pipe.hang_up()
    dovecot.start()
    client.ask("AA==")
    dovecot.clock.advance(1)
    assert client.replies() == TEMPORARY
    assert not dovecot.pipe.asked


def test_another_version_of_the_protocol():
    dovecot = Dovecot()
    client = dovecot.client()
    client.ask(plain())
    with capturedLogs() as events:
        dovecot.pipe.say(b"VERSION\t2\t0\n")
    dovecot.clock.advance(1)
    assert client.replies() == TEMPORARY
    assert any("it has version 2.0 of the protocol" in str(formatEvent(each)) for each in events)


def test_several_clients_at_once(dovecot):
    clients = [dovecot.client() for _ in range(3)]
    for client in clients:
        client.ask(plain())
    assert dovecot.pipe.asked.count(b"\n") == 3
    for number in ("2", "3", "1"):
        dovecot.say("OK", number, f"user=user{number}")
    assert [client.protocol.dialog.connection.username for client in clients] == ["user1", "user2", "user3"]
    assert len(dovecot.pipes) == 1


def test_a_client_that_has_gone(dovecot):
    client = dovecot.client()
    client.ask(plain())
    assert dovecot.request()
    client.hang_up()
    assert dovecot.pipe.asked == b"CANCEL\t1\n"
    dovecot.say("OK", "1", "user=alice")


def test_a_client_that_has_gone_before_the_handshake():
    dovecot = Dovecot()
    client = dovecot.client()
    client.ask(plain())
    client.protocol.connectionLost(Failure(ConnectionDone()))
    dovecot.start()
    assert not dovecot.pipe.asked


def test_a_response_that_is_too_long(dovecot):
    """Dovecot would close the connection, and with it the exchanges of all."""
    client = dovecot.client(max_line_length=20000)
    assert client.ask("AUTH PLAIN " + "A" * 16400) == ["501 5.5.2 Malformed response for that mechanism"]
    assert not dovecot.pipe.aborted
    assert not dovecot.pipe.asked


def test_the_credentials_have_a_name_and_no_secret():
    assert repr(DovecotLogin(b"alice")) == "<DovecotLogin b'alice'>"
