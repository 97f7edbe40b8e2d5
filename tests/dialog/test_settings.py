"""
Guarantee 19: two factories with different settings do not notice each other; settings that make no sense are refused.
"""

from __future__ import annotations

import re
import ssl

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from txsmtpx import ImplicitTLSEndpoint, OpenBackend, Reply, Session, SMTPServerFactory
from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.settings import first_failure, first_success, identifiers
from txsmtpx.dialog.state import State
from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.extensions.size import SIZE
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.testing import Conversation, RecordingBackend

HELLO = ["EHLO client.example"]


def test_a_name_is_said_in_ascii():
    """RFC 6531 §3.7.1."""
    talk = Conversation(domain="bücher.example")
    said = ["220 xn--bcher-kva.example ESMTP txsmtpx", "250-xn--bcher-kva.example"]
    assert talk.ask(*HELLO)[:2] == said


@pytest.mark.parametrize(
    ("ident", "greeting"),
    [("Postbox 7", "220 mx.example.org ESMTP Postbox 7"), ("", "220 mx.example.org ESMTP"), ("x" * 200, None)],
)
def test_what_the_greeting_says(ident, greeting):
    """And the second one, after XCLIENT."""
    talk = Conversation(domain="mx.example.org", ident=ident, trusted_networks=["0.0.0.0/0"])
    greeting = greeting or f"220 mx.example.org ESMTP {ident}"
    assert talk.ask(*HELLO)[0] == greeting
    assert talk.ask("XCLIENT NAME=[UNAVAILABLE]") == [greeting]
    talk.hang_up()


def test_two_factories_side_by_side():
    offered = {"extensions": [SIZE, AUTH], "allow_insecure_auth": True}
    one = Conversation(RecordingBackend({"u": "p"}), domain="one", max_message_bytes=1, **offered)
    other = Conversation(domain="other", extensions=[SIZE], max_recipients=1, max_line_length=60)
    third = Conversation(domain="third", lmtp=True)
    assert one.ask(*HELLO)[1:] == ["250-one", "250-SIZE 1", "250 AUTH PLAIN LOGIN"]
    assert other.ask(*HELLO) == ["220 other ESMTP txsmtpx", "250-other", "250 SIZE 33554432"]
    assert third.ask(*HELLO) == ["220 third LMTP txsmtpx", "500 5.5.1 This is an LMTP server, send LHLO"]
    assert one.ask("MAIL FROM:<me@example.com> SIZE=2") == ["552 5.3.4 Message too big"]
    assert other.ask("MAIL FROM:<me@example.com> SIZE=2") == ["250 2.1.0 Sender ok"]
    too_many = ["250 2.1.5 Recipient ok", "452 4.5.3 Too many recipients"]
    assert other.ask("RCPT TO:<a@b>", "RCPT TO:<a@b>") == too_many
    assert one.ask("MAIL FROM:<>", "RCPT TO:<a@b>", "RCPT TO:<a@b>")[2] == "250 2.1.5 Recipient ok"
    assert other.ask("NOOP " + "x" * 60) == ["500 5.5.2 Line too long"]
    assert one.ask("NOOP " + "x" * 60) == ["250 2.0.0 Ok"]
    for conversation in (one, other, third):
        conversation.hang_up()


def test_not_announced_is_not_accepted():
    """Guarantee 18."""
    conversation = Conversation(extensions=[])
    assert conversation.ask(*HELLO) == ["220 localhost ESMTP txsmtpx", "250 localhost"]
    for parameter in ("SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "AUTH=<>"):
        keyword = parameter.partition("=")[0]
        refused = conversation.ask(f"MAIL FROM:<me@example.com> {parameter}")
        assert refused == [f"555 5.5.4 Parameter not recognized: {keyword}"]
    for verb in ("BDAT 4\r\nQUIT", "STARTTLS", "AUTH PLAIN"):
        conversation.send(verb.encode() + (b"" if verb.startswith("BDAT") else b"\r\n"))
        assert conversation.replies() == ["502 5.5.1 Command not offered here"]
    conversation.hang_up()


def test_an_extension_of_ones_own():
    """Guarantee 18 for it too: announced, its parameter decoded, its verb where it belongs."""
    colour = Parameter("XCOLOUR", "colour", lambda text: (text or "").lower(), str.upper)
    verb = Verb("XPAINT", lambda dialog, argument: Reply(250, (2, 0, 0), argument), "XPAINT", frozenset({State.READY}))
    paint = Extension("XPAINT", "none", announce=lambda dialog: "RED GREEN", mail=(colour,), verbs=(verb,))
    backend = RecordingBackend()
    conversation = Conversation(backend, extensions=[*EXTENSIONS, paint])
    assert conversation.ask("XPAINT x")[1] == "503 5.5.1 Send EHLO first"
    assert conversation.ask(*HELLO)[-1] == "250 XPAINT RED GREEN"
    assert conversation.ask("xpaint It red") == ["250 2.0.0 It red"]
    assert conversation.ask("MAIL FROM:<me@example.com> XCOLOUR=RED") == ["250 2.1.0 Sender ok"]
    assert conversation.ask("XPAINT x") == ["503 5.5.1 No valid recipients, RCPT comes first"]
    assert backend.calls[-1][2].colour == "red"
    conversation.hang_up()


def test_a_verb_of_ones_own_may_be_a_coroutine():
    async def paint(dialog, argument):
        return Reply(250, (2, 0, 0), argument)

    verb = Verb("XPAINT", paint, "XPAINT", frozenset({State.READY}))
    conversation = Conversation(RecordingBackend(), extensions=[Extension("XPAINT", "none", verbs=(verb,))])
    conversation.ask(*HELLO)
    assert conversation.ask("XPAINT it red") == ["250 2.0.0 it red"]
    conversation.hang_up()


def test_a_hold_has_one_to_nine_digits():
    for seconds in (1, 10**9 - 1):
        Conversation(max_hold=seconds).hang_up()
    with pytest.raises(ValueError, match="max_hold must be an integer from 1 to 999999999"):
        Conversation(max_hold=10**9)


def test_names_of_one_second_are_not_those_of_another(monkeypatch):
    """However random their beginning is."""
    monkeypatch.setattr("random.getrandbits", lambda bits: 0)
    names = set()
    for seconds in range(3):
        monkeypatch.setattr("time.time", lambda seconds=seconds: 1e9 + seconds)
        names.add(next(identifiers()))
    assert len(names) == 3


def test_extensions_that_contradict_each_other():
    with pytest.raises(ValueError, match="SMTPUTF8 requires 8BITMIME"):
        Conversation(extensions=[SMTPUTF8])
    with pytest.raises(ValueError, match="two extensions claim SIZE"):
        Conversation(extensions=[SIZE, Extension("OTHER", "none", mail=SIZE.mail)])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"max_message_bytes": -1}, "max_message_bytes must be an integer of 0 or more (octets), not -1"),
        ({"max_recipients": -1}, "max_recipients must be an integer of 0 or more, not -1"),
        ({"max_transactions": -1}, "max_transactions must be an integer of 0 or more, not -1"),
        ({"max_recipient_domains": -1}, "max_recipient_domains must be an integer of 0 or more, not -1"),
        ({"max_hold": 0}, "max_hold must be an integer from 1 to 999999999 (seconds), not"),
        ({"auth_failure_delay": -0.1}, "auth_failure_delay must be a number of seconds, 0 or more, not -0.1"),
        ({"priority_profile": "a b"}, "priority_profile must be up to 20 letters, digits"),
        ({"priority_profile": "x" * 21}, "priority_profile must be up to 20 letters, digits"),
        ({"domain": "bücher..example"}, "domain is not a domain: bücher..example: "),
        ({"max_line_length": 0}, "max_line_length must be an integer of 1 or more (octets), not 0"),
        ({"max_auth_failures": 0}, "max_auth_failures must be an integer of 1 or more, not 0"),
        ({"delivery_timeout": 0}, "delivery_timeout must be a number of seconds greater than 0, not 0"),
        ({"bare_newlines": "ignore"}, "bare_newlines must be normalize, reject or accept, not 'ignore'"),
        ({"ident": "a\r\nb"}, "ident must be up to 200 printable characters of ASCII, not "),
        ({"ident": "b\u00fccher"}, "ident must be up to 200 printable characters of ASCII, not "),
        ({"ident": "x" * 201}, "ident must be up to 200 printable characters of ASCII, not "),
        ({"require_tls": True}, "require_tls needs a certificate"),
        ({"require_auth": True}, "require_auth needs a backend that has logins"),
        ({"without_mechanisms": {"LOGN"}}, "without_mechanisms must be names of mechanisms, not 'LOGN': there are "),
    ],
)
def test_settings_that_make_no_sense(settings, complaint):
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        Conversation(OpenBackend(lambda connection: Session()), **settings)


def test_a_tls_context_that_twisted_does_not_know():
    """The ssl module of Python: the error says what to write."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    sentence = r"must be a Certificate, such as Certificate\('cert.pem', 'key.pem'\), .* not ssl.SSLContext$"
    with pytest.raises(TypeError, match=f"^tls {sentence}"):
        SMTPServerFactory(OpenBackend(lambda connection: Session()), tls=context)
    with pytest.raises(TypeError, match=f"^certificate {sentence}"):
        ImplicitTLSEndpoint(serverFromString(reactor, "tcp:0"), context)


def test_no_such_setting():
    with pytest.raises(TypeError, match="no argument max_mesage_bytes; did you mean max_message_bytes"):
        Conversation(max_mesage_bytes=1)

YES, NO = Reply(250, (2, 0, 0), "yes"), Reply(550, (5, 0, 0), "no")


def test_policies():
    other = Reply(250, (2, 0, 0), "other")
    assert first_failure([YES, NO], other) == NO
    assert first_failure([YES, YES], other) == other
    assert first_success([NO, YES], other) == other
    assert first_success([NO, YES], NO) == YES
    assert first_success([NO, NO], other) == NO
