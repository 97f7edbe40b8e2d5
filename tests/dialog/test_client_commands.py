"""
Guarantee 14: nothing that could be a command of its own is ever written, and a body is a body wherever it is cut.

At the end is what single commands say and take.
"""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.dialog.talk import Talk
from txsmtpx import EightBitContent, MailOptions, NotOffered, ProtocolError, SMTPError
from txsmtpx.testing import Network, ScriptedServer

EVIL = ["\r\nRSET", "\nRSET", "\rRSET", "\0", "\x0b", "\x1b", "\x7f", "\x85", "a\r\nb", "\r\n"]

SAYING = {
    "the sender": lambda client, evil: client.send(f"me{evil}@example.org", ["you@example.net"], b""),
    "its domain": lambda client, evil: client.send(f"me@example.org{evil}", ["you@example.net"], b""),
    "a quoted sender": lambda client, evil: client.send(f'"{evil}"@example.org', ["you@example.net"], b""),
    "a recipient": lambda client, evil: client.send("me@example.org", [f"you@example.net{evil}"], b""),
    "MAIL": lambda client, evil: client.mail(f"me@example.org{evil}"),
    "RCPT": lambda client, evil: client.rcpt(f"me@example.org{evil}"),
    "VRFY": lambda client, evil: client.verify(f"you{evil}"),
    "EXPN": lambda client, evil: client.expand(f"you{evil}"),
    "HELP": lambda client, evil: client.help(f"MAIL{evil}"),
    "EHLO": lambda client, evil: client.hello(f"me.example{evil}"),
    "a verb": lambda client, evil: client.command(f"XTEST{evil}"),
    "BODY": lambda client, evil: client.mail("a@example.org", MailOptions(body=f"7BIT{evil}")),
    "AUTH": lambda client, evil: client.mail("a@example.org", MailOptions(auth=f"b@example.org{evil}")),
}


@pytest.mark.parametrize("what", SAYING)
@pytest.mark.parametrize("evil", EVIL)
def test_no_command_holds_a_control_character(network, what, evil):
    net = network(offers=["PIPELINING", "8BITMIME", "SMTPUTF8", "AUTH PLAIN", "CHUNKING"])
    client = net.greeted()
    try:
        net.result(SAYING[what](client, evil))
    except (ValueError, NotOffered):
        assert net.servers[0].verbs == ["EHLO"]
    else:
        assert what == "AUTH"  # which is written in xtext
        assert net.servers[0].verbs == ["EHLO", "MAIL"]
        assert evil not in net.servers[0].lines[1]
    assert net.result(client.noop()).code == 250
    assert net.servers[0].verbs[-1] == "NOOP"


BODIES = [
    b"",
    b".",
    b"..",
    b".\r\n",
    b"\r\n.\r\n",
    b"a\r\n.\r\nQUIT\r\n",
    b"a\n.\nQUIT\n",
    b"a\r.\rQUIT\r",
    b"a\r\n.\nb\n.\r\nc\r.\r\n",
    b"\r",
    b"\n",
    b"a\r\r\n.\r\n",
    b"a\r\n\r\n.b\r\n..c\r\n",
]


def as_lines(body: bytes) -> bytes:
    """What a body is on the wire, said slowly: CRLF, LF and CR each end a line."""
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def sent(chunks: list[bytes], offers: list[str]) -> ScriptedServer:
    net = Network(ScriptedServer(offers=offers))
    client = net.greeted()
    net.result(client.send("a@example.org", ["b@example.net"], iter(chunks), eight_bit="send"))
    assert net.result(client.noop()).code == 250
    net.hang_up()
    server: ScriptedServer = net.servers[0]
    assert server.verbs.count("NOOP") == 1
    assert "QUIT" not in server.verbs
    return server


def the_body_is_itself(chunks: list[bytes]) -> None:
    body = b"".join(chunks)
    by_data = sent(chunks, [])
    ended = as_lines(body)
    if ended and not ended.endswith(b"\r\n"):
        ended += b"\r\n"
    assert by_data.messages == [ended]
    assert b"\r\n.\r\n" not in by_data.raw[:-5]
    assert not by_data.raw[:-3].startswith(b".\r\n")
    assert sent(chunks, ["CHUNKING"]).messages == [ended]


@pytest.mark.parametrize("body", BODIES)
def test_a_body_is_itself_at_every_cut(body):
    for first in range(len(body) + 1):
        for second in range(first, len(body) + 1):
            the_body_is_itself([body[:first], body[first:second], body[second:]])


@given(st.lists(st.binary(max_size=6) | st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"\r\n.\r\n"]), max_size=8))
@example([b"\r\n", b".", b"\r\n"])
def test_any_body_is_itself(chunks):
    the_body_is_itself(chunks)


# ---- commands one by one


def with_a_recipient(*offers: str, lmtp: bool = False) -> Talk:
    """A talk that has had MAIL and one RCPT."""
    talk = Talk(*offers, lmtp=lmtp)
    for coroutine in (talk.commands.mail("a@example.org", MailOptions()), talk.commands.rcpt("b@example.net")):
        outcome = talk.run(coroutine)
        talk.hear("250 2.0.0 Ok")
        outcome.result()
    talk.wire.taken()
    return talk


@pytest.mark.parametrize(("offers", "line"), [([], b"VRFY you\r\n"), (["SMTPUTF8"], b"VRFY you SMTPUTF8\r\n")])
def test_a_name_is_looked_up_in_utf8_where_that_is_offered(offers, line):
    talk = Talk(*offers)
    outcome = talk.run(talk.commands.look_up("VRFY", "you"))
    assert talk.wire.taken() == line
    talk.hear("252 2.0.0 Perhaps")
    assert outcome.result().code == 252


def test_a_chunk_where_none_is_taken():
    talk = with_a_recipient()
    outcome = talk.run(talk.commands.bdat(b"x\r\n"))
    with pytest.raises(NotOffered, match=r"^the server does not offer CHUNKING$"):
        outcome.result()
    assert talk.wire.sent == b""


def test_the_last_chunk_has_one_reply_unless_more_are_said_to_come():
    talk = with_a_recipient("CHUNKING", lmtp=True)
    outcome = talk.run(talk.commands.bdat(b"x\r\n", last=True))
    talk.hear("250 2.0.0 Ok")
    assert [reply.code for reply in outcome.result()] == [250]


def test_an_answer_that_fits_no_chunk():
    talk = with_a_recipient("CHUNKING")
    outcome = talk.run(talk.commands.bdat(b"x\r\n"))
    talk.hear("354 Go")
    with pytest.raises(ProtocolError, match=r"no answer to BDAT: 354 Go") as caught:
        outcome.result()
    assert caught.value.command == "BDAT"


def test_a_header_is_written_in_ascii_where_mail_has_not_asked_for_utf8():
    letter = EmailMessage()
    letter["Subject"] = "ü"
    letter.set_content("x\n")
    talk = with_a_recipient("8BITMIME", "SMTPUTF8", "CHUNKING")
    talk.run(talk.commands.transmit(letter))
    assert b"Subject: =?utf-8?q?=C3=BC?=\r\n" in talk.wire.taken()


def test_an_open_transaction_is_reset_before_mail():
    talk = Talk()
    talk.dialog.left_open = True
    talk.run(talk.commands.mail("a@example.org", MailOptions()))
    assert talk.wire.taken() == b"RSET\r\n"
    talk.hear("250 2.0.0 Ok")
    assert talk.wire.taken() == b"MAIL FROM:<a@example.org>\r\n"


@pytest.mark.parametrize(
    ("verb", "send"),
    [("MAIL", lambda commands: commands.mail("a@example.org", MailOptions())),
     ("RCPT", lambda commands: commands.rcpt("b@example.net"))],
)  # fmt: skip
def test_an_error_names_its_command(verb, send):
    talk = Talk()
    outcome = talk.run(send(talk.commands))
    talk.hear("550 5.7.1 No")
    with pytest.raises(SMTPError) as caught:
        outcome.result()
    assert caught.value.command == verb


def test_a_recipient_may_be_utf8_if_mail_has_asked_for_it():
    talk = Talk("SMTPUTF8")
    talk.run(talk.commands.mail("a@example.org", MailOptions(smtputf8=True)))
    talk.hear("250 2.0.0 Ok")
    talk.wire.taken()
    talk.run(talk.commands.rcpt("ü@example.net"))
    assert talk.wire.taken() == "RCPT TO:<ü@example.net>\r\n".encode()


def test_octets_above_127_that_come_late_are_found_too():
    talk = with_a_recipient("CHUNKING")
    outcome = talk.run(talk.commands.transmit(iter([b"x\r\n", b"\xfc\r\n"])))
    with pytest.raises(EightBitContent):
        outcome.result()


def test_a_binary_body_is_sent_as_it_is():
    talk = with_a_recipient("CHUNKING", "BINARYMIME", "8BITMIME")
    talk.run(talk.commands.transmit(b"a\nb", binary=True))
    assert talk.wire.taken() == b"BDAT 3 LAST\r\na\nb"
