"""SMTPUTF8, 8BITMIME, BINARYMIME and SIZE are asked for where a message needs them; what is not taken is not sent."""

from __future__ import annotations

import email
import io
from email import policy

import pytest

from tests.bodies import asynchronous
from tests.dialog.test_transfer import Producer
from txsmtpx import (
    EightBitContent,
    Fault,
    MailOptions,
    MemoryBackend,
    NotOffered,
    RelayBackend,
    SMTPPool,
    SMTPServerFactory,
    connect,
    send_mail,
)
from txsmtpx.dialog.submission import again
from txsmtpx.testing import Network, Outcome

ME, TO = "me@example.org", ["you@example.net"]
ASCII = b"Subject: x\r\n\r\nx\r\n"
EIGHT = "Subject: x\r\n\r\nGrüße\r\n".encode()
LATIN = b"Subject: Gr\xfc\xdfe\r\n\r\nx\r\n"
UTF8 = "Subject: Grüße\r\n\r\nx\r\n".encode()
ALL = ["8BITMIME", "SMTPUTF8", "SIZE", "PIPELINING"]


def _pipe(octets):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    return Pipe(octets)


LOOKED_AT = {
    "bytes": lambda octets: octets,
    "a bytearray": bytearray,
    "a memoryview": memoryview,
    "a file in memory": io.BytesIO,
    "a list": lambda octets: [octets[:12], octets[12:]],
}
STREAMS = {
    "a generator": lambda octets: (octets[at : at + 4] for at in range(0, len(octets), 4)),
    "an asynchronous one": lambda octets: asynchronous([octets[:12], octets[12:]]),
    "a producer": lambda octets: Producer([octets[:12], octets[12:]]),
    "a pipe": _pipe,
}


def mail_of(net, body, to=TO, options=None, sender=ME, **more):
    """The words of MAIL."""
    client = net.greeted(**more)
    net.result(client.send(sender, to, body, options))
    return net.servers[-1].lines[1].split()[1:]


# ---- SMTPUTF8


@pytest.mark.parametrize("kind", LOOKED_AT)
def test_smtputf8_is_asked_for_by_a_header_that_is_not_ascii(network, kind):
    assert "SMTPUTF8" in mail_of(network(offers=ALL), LOOKED_AT[kind](UTF8))
    assert "SMTPUTF8" not in mail_of(network(offers=ALL), LOOKED_AT[kind](EIGHT))
    assert "SMTPUTF8" not in mail_of(network(offers=ALL), LOOKED_AT[kind](ASCII))


def test_smtputf8_is_asked_for_by_a_file_on_a_disk(network, tmp_path):
    path = tmp_path / "message"
    path.write_bytes(UTF8)
    with path.open("rb") as file:
        words = mail_of(network(offers=ALL), file)
    assert {"SMTPUTF8", "BODY=8BITMIME", f"SIZE={len(UTF8)}"} < set(words)


def test_smtputf8_is_asked_for_by_a_header_of_a_part(network):
    header = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    body = f"{header}--b\r\nContent-Description: ü\r\n\r\n\r\n--b--\r\n".encode()
    assert "SMTPUTF8" in mail_of(network(offers=ALL), body)


def test_a_header_in_another_charset_is_not_utf8(network):
    words = mail_of(network(offers=ALL), LATIN)
    assert "BODY=8BITMIME" in words
    assert "SMTPUTF8" not in words


@pytest.mark.parametrize("offers", [["8BITMIME"], []], ids=str)
@pytest.mark.parametrize("kind", LOOKED_AT)
def test_a_header_in_utf8_is_refused_without_smtputf8(network, kind, offers):
    net = network(offers=offers)
    client = net.greeted()
    with pytest.raises(NotOffered, match="SMTPUTF8") as caught:
        net.result(client.send(ME, TO, LOOKED_AT[kind](UTF8)))
    assert (caught.value.command, caught.value.temporary) == ("MAIL", False)
    assert net.servers[0].verbs == ["EHLO"]
    net.result(client.send(ME, TO, LOOKED_AT[kind](UTF8), eight_bit="send"))
    assert net.servers[0].messages == [UTF8]


@pytest.mark.parametrize("offers", [ALL, ["8BITMIME"]], ids=str)
def test_a_domain_alone_goes_as_its_a_label(network, offers):
    net = network(offers=offers)
    words = mail_of(net, ASCII, ["you@bücher.example", "him@BÜCHER.example"], sender="me@bücher.example")
    assert words[0] == "FROM:<me@xn--bcher-kva.example>"
    assert "SMTPUTF8" not in words
    assert net.servers[0].lines[2:4] == ["RCPT TO:<you@xn--bcher-kva.example>", "RCPT TO:<him@xn--bcher-kva.example>"]


@pytest.mark.parametrize("who", ["sender", "recipient"])
def test_a_local_part_needs_smtputf8_and_the_domains_stay(network, who):
    sender, to = ("mé@example.org", TO) if who == "sender" else (ME, ["yöu@example.net"])
    net = network(offers=ALL)
    assert "SMTPUTF8" in mail_of(net, ASCII, [*to, "him@bücher.example"], sender=sender)
    assert net.servers[0].lines[-1 - len(net.servers[0].messages)] == "RCPT TO:<him@bücher.example>"


def test_step_by_step_too(network):
    net = network(offers=ALL)
    client = net.greeted()
    net.result(client.mail("me@bücher.example"))
    net.result(client.rcpt("you@bücher.example"))
    with pytest.raises(ValueError, match=r"^yöu@example\.net needs SMTPUTF8: MAIL has to ask for it"):
        net.result(client.rcpt("yöu@example.net"))
    net.result(client.reset())
    net.result(client.mail(ME, MailOptions(smtputf8=True)))
    net.result(client.rcpt("yöu@example.net"))
    assert net.servers[0].lines[1:] == [
        "MAIL FROM:<me@xn--bcher-kva.example>",
        "RCPT TO:<you@xn--bcher-kva.example>",
        "RSET",
        "MAIL FROM:<me@example.org> SMTPUTF8",
        "RCPT TO:<yöu@example.net>",
    ]


@pytest.mark.parametrize("body", [ASCII, EIGHT, LATIN])
def test_a_demand_of_smtputf8_that_nothing_needs_is_dropped_by_lmtp(network, body):
    net = network(offers=["8BITMIME"], lmtp=True)
    words = mail_of(net, body, options=MailOptions(smtputf8=True), lmtp=True)
    assert "SMTPUTF8" not in words
    assert net.servers[0].messages == [body]


@pytest.mark.parametrize(
    ("octets", "kind", "to"),
    [(UTF8, "bytes", TO), (ASCII, "bytes", ["yöu@example.net"]), (UTF8, "a generator", TO)],
    ids=["header", "recipient", "stream"],
)
def test_what_is_internationalized_is_refused_by_lmtp(network, octets, kind, to):
    net = network(offers=["8BITMIME"], lmtp=True)
    body = (LOOKED_AT | STREAMS)[kind](octets)
    with pytest.raises(NotOffered, match="SMTPUTF8"):
        net.result(net.greeted(lmtp=True).send(ME, to, body, MailOptions(smtputf8=True)))
    assert net.servers[0].messages == []


# ---- 8BITMIME


@pytest.mark.parametrize("body", [EIGHT, LATIN, b"\xff"], ids=ascii)
@pytest.mark.parametrize("offers", [[], ["CHUNKING", "PIPELINING"]], ids=str)
@pytest.mark.parametrize("kind", LOOKED_AT)
def test_8_bit_octets_are_refused_without_8bitmime(network, kind, offers, body):
    net = network(offers=offers)
    client = net.greeted()
    with pytest.raises(EightBitContent, match=r'8BITMIME.*eight_bit="send"') as caught:
        net.result(client.send(ME, TO, LOOKED_AT[kind](body)))
    assert isinstance(caught.value, NotOffered)
    assert (caught.value.command, caught.value.temporary, caught.value.fault) == ("MAIL", False, Fault.CALLER)
    assert net.servers[0].verbs == ["EHLO"]
    net.result(client.send(ME, TO, LOOKED_AT[kind](ASCII)))
    net.result(client.send(ME, TO, LOOKED_AT[kind](body), eight_bit="send"))
    assert net.servers[0].messages == [ASCII, body.removesuffix(b"\r\n") + b"\r\n"]
    assert all("BODY" not in line for line in net.servers[0].lines)


@pytest.mark.parametrize("offers", [[], ["CHUNKING", "PIPELINING"]], ids=str)
@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_ends_before_its_first_8_bit_octet(network, kind, lmtp, offers):
    """And is no message; it is not read before a recipient has been accepted."""
    net = network(offers=offers, lmtp=lmtp)
    client = net.greeted(lmtp=lmtp)
    with pytest.raises(EightBitContent):
        net.result(client.send(ME, TO, STREAMS[kind](EIGHT)))
    server = net.servers[0]
    assert server.messages == []
    assert (server.raw + b"".join(server.chunks)).isascii()
    assert client.usable is ("CHUNKING" in offers)
    net.result(net.greeted(lmtp=lmtp, eight_bit="send").send(ME, TO, STREAMS[kind](EIGHT)))
    assert net.servers[-1].messages == [EIGHT]


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_needs_smtputf8_to_be_asked_for(network, kind):
    net = network(offers=ALL)
    with pytest.raises(NotOffered, match=r"MailOptions\(smtputf8=True\)"):
        net.result(net.greeted().send(ME, TO, STREAMS[kind](UTF8)))
    assert net.servers[0].messages == []
    for body, options in ((UTF8, MailOptions(smtputf8=True)), (EIGHT, None), (ASCII, None)):
        words = mail_of(net, STREAMS[kind](body), options=options)
        assert "BODY=8BITMIME" in words
        assert ("SMTPUTF8" in words) is (body == UTF8)
        assert net.servers[-1].messages == [body]


def test_what_7bit_is_said_of_is_looked_at_all_the_same(network):
    assert "BODY=8BITMIME" in mail_of(network(offers=ALL), EIGHT, options=MailOptions(body="7BIT"))
    net = network()
    with pytest.raises(EightBitContent):
        net.result(net.greeted().send(ME, TO, EIGHT, MailOptions(body="7BIT")))


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
@pytest.mark.parametrize("verb", ["data", "transmit"])
def test_8_bit_octets_are_refused_after_an_envelope(network, verb, offers):
    net = network(offers=offers)
    client = net.greeted()
    net.result(client.mail(ME))
    net.result(client.rcpt(TO[0]))
    with pytest.raises(EightBitContent):
        net.result(getattr(client, verb)(EIGHT))
    assert net.servers[0].verbs == ["EHLO", "MAIL", "RCPT"]
    net.result(getattr(client, verb)(ASCII))
    assert net.servers[0].messages == [ASCII]


def test_to_send_them_can_be_said_everywhere(network):
    net = network()
    to = {"tls": "none", "reactor": net.clock, "eight_bit": "send"}
    net.result(send_mail(net, ME, TO, EIGHT, **to))
    pool = SMTPPool(net, **to)
    net.result(pool.send(ME, TO, EIGHT))
    stopped = Outcome(pool.stopService())
    net.flush()
    assert stopped.fired
    pool = SMTPPool(net, tls="none", reactor=net.clock)
    with pytest.raises(EightBitContent):
        net.result(pool.send(ME, TO, EIGHT))
    net.result(pool.send(ME, TO, EIGHT, eight_bit="send"))
    stopped = Outcome(pool.stopService())
    net.flush()
    assert [message for server in net.servers for message in server.messages] == [EIGHT] * 3


def test_what_is_no_mode_is_refused_when_it_is_given(network):
    net = network()
    client = net.greeted()
    pool = SMTPPool(net, reactor=net.clock)
    for give in (
        lambda: connect(net, eight_bit="encode", reactor=net.clock),
        lambda: client.send(ME, TO, ASCII, eight_bit="encode"),
        lambda: pool.send(ME, TO, ASCII, eight_bit="encode"),
        lambda: SMTPPool(net, eight_bit="encode", reactor=net.clock),
        lambda: RelayBackend([net], eight_bit="encode", reactor=net.clock),
    ):
        with pytest.raises(ValueError, match=r"eight_bit (is|must be) '?refuse'? or '?send'?, not 'encode'$"):
            give()
    assert net.servers[0].verbs == ["EHLO"]


# ---- BINARYMIME and SIZE


@pytest.mark.parametrize("by", ["send", "mail"])
def test_binarymime_needs_chunking(network, by):
    net = network(offers=["BINARYMIME", "8BITMIME"])
    client = net.greeted()
    options = MailOptions(body="BINARYMIME")
    with pytest.raises(NotOffered, match=r"^the server does not offer CHUNKING, which BINARYMIME needs$"):
        net.result(client.mail(ME, options) if by == "mail" else client.send(ME, TO, b"\0\xff", options))
    assert net.servers[0].verbs == ["EHLO"]


SIZES = {b"": 0, b"x": 3, b"x\n": 3, b"x\ny\n": 6, b"x\ry": 6, b"x\r\n": 3, b".\n..\n": 7}


@pytest.mark.parametrize("body", SIZES, ids=repr)
@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
@pytest.mark.parametrize("kind", ["bytes", "a file in memory"])
def test_size_is_that_of_what_is_sent(network, kind, offers, body):
    net = network(offers=["SIZE", *offers])
    assert mail_of(net, LOOKED_AT[kind](body))[1:] == [f"SIZE={SIZES[body]}"]
    assert len(net.servers[0].messages[0]) == SIZES[body]


def test_a_binary_message_is_counted_as_it_is(network):
    words = mail_of(network(offers=["SIZE", "CHUNKING", "BINARYMIME", "8BITMIME"]), b"x\n", options=MailOptions(
        body="BINARYMIME"))  # fmt: skip
    assert "SIZE=2" in words


def test_line_ends_count_for_the_limit_of_the_server(network, tmp_path):
    path = tmp_path / "message"
    path.write_bytes(b"x\n" * 40)
    net = network(offers=["SIZE 100"])
    client = net.greeted()
    with path.open("rb") as file, pytest.raises(NotOffered, match=r"100 octets .* 120$"):
        net.result(client.send(ME, TO, file))
    assert net.servers[0].verbs == ["EHLO"]


# ---- messages that were parsed

SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=key;\r\n\tbh=" + b"x" * 90 + b";\r\n b=y\r\n"
    b"Subject: " + b"long " * 40 + b"\r\nTo: a@b.example,\r\n     c@d.example\r\n\r\nx\r\n"
)


def parsed(octets):
    return email.message_from_bytes(octets, policy=policy.SMTP)


@pytest.mark.parametrize("offers", [ALL, [], ["CHUNKING", "8BITMIME"]], ids=str)
@pytest.mark.parametrize("read", [parsed, email.message_from_bytes], ids=["EmailMessage", "Message"])
def test_a_message_that_was_parsed_goes_out_as_it_came_in(network, read, offers):
    net = network(offers=offers)
    mail_of(net, read(SIGNED))
    assert net.servers[0].messages == [SIGNED]
    if offers:
        eight = SIGNED + "Grüße\r\n".encode()
        assert "SMTPUTF8" not in mail_of(net, read(eight))
        assert net.servers[1].messages == [eight]


def test_utf8_in_a_header_that_was_parsed(network):
    """It goes out as it came in where the server takes it, and is encoded elsewhere."""
    net = network(offers=ALL)
    assert {"SMTPUTF8", "BODY=8BITMIME"} < set(mail_of(net, parsed(UTF8)))
    assert net.servers[0].messages == [UTF8]
    net = network(offers=["8BITMIME"])
    assert mail_of(net, parsed(UTF8))[1:] == []
    assert parsed(net.servers[0].messages[0])["Subject"] == "Grüße"


def test_an_address_in_a_header_that_was_parsed_needs_smtputf8(network):
    letter = parsed("To: grüße@example.net\r\n\r\nx\r\n".encode())
    for how in ({}, {"lmtp": True}):
        net = network(offers=["8BITMIME"], **how)
        with pytest.raises(NotOffered, match="SMTPUTF8, which an address in the header needs"):
            net.result(net.greeted(**how).send(ME, TO, letter, MailOptions(smtputf8=True)))
        assert "MAIL" not in net.servers[0].verbs
    assert "SMTPUTF8" in mail_of(network(offers=ALL), letter)


def test_a_message_that_was_received_is_sent_on_as_it_came():
    """White space that Python's parser forgets included."""
    backend = MemoryBackend()
    factory = SMTPServerFactory(backend)
    octets = b"Subject:x\r\nTo:  y@z.example\r\n\r\nx\r\n"
    for body in (octets, lambda: backend.messages[0].message):
        net = Network(lambda: factory.buildProtocol(None))
        net.result(net.greeted().send(ME, TO, body() if callable(body) else body))
        net.hang_up()
    first, second = backend.messages
    assert first.content == second.content == octets


def test_what_can_be_read_again_and_what_cannot():
    file = io.BytesIO(b"1234")
    file.seek(1)
    make = again(file)
    assert [make().read(), make().read()] == [b"234", b"234"]

    class Pipe(io.RawIOBase):
        def seekable(self) -> bool:
            return False

    for once in (Pipe(), iter([b""])):
        with pytest.raises(ValueError, match="more recipients than the server accepts at a time") as refused:
            again(once)
        assert str(refused.value).startswith("more")
        assert str(refused.value).endswith("more than once, so it must be bytes, an EmailMessage or a seekable file")
        assert "(RCPTMAX)" in str(refused.value)
