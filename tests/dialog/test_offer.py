"""
Guarantee 17: what is not offered is not sent; and what becomes of messages and addresses that need more than ASCII.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import Header
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from txsmtpx import MailOptions, MessageTooBig, NotOffered, OriginalRecipient, RcptOptions

ALL = ["PIPELINING", "SIZE 100000", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS", "AUTH PLAIN", "CHUNKING"]
BODY = b"Subject: x\r\n\r\nx\r\n"


def sent(net, *arguments, **more):
    """The server that took it."""
    net.result(net.greeted().send(*arguments, **more))
    return net.servers[-1]


def test_what_is_offered_is_said(network):
    server = sent(
        network(offers=ALL),
        "me@example.org",
        [("you@example.net", RcptOptions(notify=frozenset(), orcpt=OriginalRecipient("rfc822", "you@old.example")))],
        BODY,
        MailOptions(ret="HDRS", envid="7", auth=""),
    )
    words = server.lines[1].split()
    assert words[:2] == ["MAIL", "FROM:<me@example.org>"]
    assert set(words[2:]) == {f"SIZE={len(BODY)}", "RET=HDRS", "ENVID=7", "AUTH=<>"}
    assert server.lines[2] == "RCPT TO:<you@example.net> NOTIFY=NEVER ORCPT=rfc822;you@old.example"


def test_what_does_not_change_the_meaning_is_dropped(network):
    server = sent(
        network(),
        "me@example.org",
        [("you@example.net", RcptOptions(notify=frozenset({"FAILURE"})))],
        BODY,
        MailOptions(ret="HDRS", envid="7", auth="", size=5, body="8BITMIME"),
    )
    assert server.lines[1:3] == ["MAIL FROM:<me@example.org>", "RCPT TO:<you@example.net>"]
    assert server.messages == [BODY]


@pytest.mark.parametrize(
    ("options", "keyword"),
    [
        (MailOptions(smtputf8=True), "SMTPUTF8"),
        (MailOptions(requiretls=True), "REQUIRETLS"),
        (MailOptions(body="BINARYMIME"), "BINARYMIME"),
    ],
)
def test_what_changes_the_meaning_is_refused(network, options, keyword):
    net = network()
    client = net.greeted()
    with pytest.raises(NotOffered, match=keyword):
        net.result(client.send("me@example.org", ["you@example.net"], BODY, options))
    with pytest.raises(NotOffered, match=keyword):
        net.result(client.mail("me@example.org", options))
    assert net.servers[0].verbs == ["EHLO"]
    assert net.result(client.noop()).code == 250


def test_chunking_is_not_said_where_it_is_not_offered(network):
    net = network()
    client = net.greeted()
    with pytest.raises(NotOffered, match="CHUNKING"):
        net.result(client.bdat(b"x"))
    assert net.servers[0].verbs == ["EHLO"]


def test_options_belong_to_the_caller(network):
    options = MailOptions(envid="7")
    server = sent(network(offers=ALL), "mé@example.org", ["you@example.net"], b"\xfc\r\n", options)
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(server.lines[1].split())
    net = network(offers=ALL)
    net.result(net.greeted().mail("mé@example.org", options))
    assert options == MailOptions(envid="7")


def test_too_big_is_known_before(network):
    net = network(offers=["SIZE 100"])
    client = net.greeted()
    assert client.max_message_size == 100
    text = r"^the server accepts 100 octets \(SIZE\), the message has 103$"  # with a CRLF
    with pytest.raises(MessageTooBig, match=text) as caught:
        net.result(client.send("me@example.org", ["you@example.net"], b"x" * 101))
    assert caught.value.reply is None  # no server has sent one
    assert net.servers[0].verbs == ["EHLO"]
    net.result(client.send("me@example.org", ["you@example.net"], b"x" * 98))
    assert net.servers[0].lines[1] == "MAIL FROM:<me@example.org> SIZE=100"


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE x"])
def test_a_size_that_says_nothing(network, size):
    assert network(offers=[size]).greeted().max_message_size is None


def test_what_is_offered_behind_nonsense_and_in_the_old_way(network):
    """Some servers still say AUTH=, as drafts of RFC 4954 did."""
    client = network(offers=["SIZE x", "AUTH=PLAIN X=Y", "PIPELINING"]).greeted()
    assert sorted(client.extensions) == ["AUTH", "PIPELINING"]
    assert client.extensions["AUTH"] == {"PLAIN", "X=Y"}


# ---- addresses


def test_a_domain_goes_as_its_a_label(network):
    to = ["you@bücher.example", "him@straße.example", '"x@y"@bücher.example']
    server = sent(network(), "me@bücher.example", to, BODY)
    assert server.lines[1:5] == [
        "MAIL FROM:<me@xn--bcher-kva.example>",
        "RCPT TO:<you@xn--bcher-kva.example>",
        "RCPT TO:<him@xn--strae-oqa.example>",
        'RCPT TO:<"x@y"@xn--bcher-kva.example>',
    ]


def test_with_smtputf8_it_goes_as_it_is(network):
    server = sent(network(offers=["SMTPUTF8", "8BITMIME"]), "mé@bücher.example", ["you@example.net"], BODY)
    assert server.lines[1] == "MAIL FROM:<mé@bücher.example> SMTPUTF8"


def test_a_local_part_has_no_a_label(network):
    net = network()
    client = net.greeted()
    for sender, recipient in (("mé@example.org", "you@example.net"), ("me@example.org", "yöu@example.net")):
        with pytest.raises(NotOffered, match="SMTPUTF8"):
            net.result(client.send(sender, [recipient], BODY))
    assert net.servers[0].verbs == ["EHLO"]


NO_ADDRESS = ["me", "me@", "@example.org", "a b@example.org", "me@exa mple.org", "me@\u2028.example"]


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_no_address(network, address):
    net = network(offers=["PIPELINING"])
    client = net.greeted()
    for sender, recipients in ((address, ["you@example.net"]), ("", ["you@example.net", address])):
        with pytest.raises(ValueError):  # noqa: PT011 - each says something else
            net.result(client.send(sender, recipients, BODY))
    assert net.servers[0].verbs == ["EHLO"]
    assert net.result(client.noop()).code == 250


@pytest.mark.parametrize("offers", [[], ["SMTPUTF8", "8BITMIME"]])
@pytest.mark.parametrize("address", ["Ann <ann@example.org>", "\u00c4nn <ann@example.org>", "<ann@example.org>"])
def test_a_name_before_an_address(network, address, offers):
    """It says what to write, whatever the server offers, and whichever of the addresses it is."""
    net = network(offers=offers)
    client = net.greeted()
    calls = [
        lambda: client.send(address, ["you@example.net"], BODY),
        lambda: client.send("me@example.org", ["you@example.net", address], BODY),
        lambda: client.mail(address),
        lambda: client.rcpt(address),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"addresses without names and brackets: write 'ann@example\.org'"):
            net.result(call())
    assert net.servers[0].verbs == ["EHLO"]


def test_the_null_path_and_quoted_names(network):
    server = sent(network(), "", ['"john doe"@example.net', '"plain"@example.net', "postmaster"], BODY)
    assert server.lines[1:5] == [
        "MAIL FROM:<>",
        'RCPT TO:<"john doe"@example.net>',
        "RCPT TO:<plain@example.net>",
        "RCPT TO:<postmaster>",
    ]


# ---- EmailMessage


def message(to="you@example.net", **headers):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Jürgen <me@example.org>", to, "Grüße"
    for name, value in headers.items():
        made[name] = value
    made.set_content("Zeile mit ü\n.Punkt\n", cte="8bit")
    return made


def parsed(octets):
    return message_from_bytes(octets, policy=policy.SMTP)


def test_a_message_is_written_as_the_server_allows(network):
    server = sent(network(offers=["8BITMIME"]), "me@example.org", ["you@example.net"], message())
    (octets,) = server.messages
    assert octets.endswith(b"Zeile mit \xc3\xbc\r\n.Punkt\r\n")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert octets.partition(b"\r\n\r\n")[0].isascii()
    assert server.lines[1].endswith(" BODY=8BITMIME")
    assert parsed(octets)["Subject"] == "Grüße"


def test_without_8bitmime_it_is_encoded(network):
    server = sent(network(), "me@example.org", ["you@example.net"], message())
    (octets,) = server.messages
    assert octets.isascii()
    assert parsed(octets).get_content() == "Zeile mit ü\r\n.Punkt\r\n"
    assert server.lines[1] == "MAIL FROM:<me@example.org>"


def test_utf8_is_asked_for_by_a_header_alone(network):
    server = sent(network(offers=ALL), "me@example.org", ["you@example.net"], message(to="yöu@example.net"))
    assert "SMTPUTF8" in server.lines[1].split()
    assert "To: yöu@example.net\r\n".encode() in server.messages[0]
    assert "Subject: Grüße\r\n".encode() in server.messages[0]
    net = network(offers=["8BITMIME"])
    client = net.greeted()
    with pytest.raises(NotOffered, match="SMTPUTF8"):
        net.result(client.send("me@example.org", ["you@example.net"], message(to="yöu@example.net")))
    assert net.servers[0].verbs == ["EHLO"]


def test_display_names_need_no_utf8(network):
    server = sent(network(offers=ALL), "me@example.org", ["you@example.net"], message())
    assert "SMTPUTF8" not in server.lines[1]
    assert b"From: =?utf-8?q?J=C3=BCrgen?= <me@example.org>" in server.messages[0]


def test_a_domain_in_a_header_goes_as_its_a_label_too(network):
    given = message(to="Frau Müller <you@bücher.example>, him@example.net", Cc="Freunde: a@bücher.example;")
    server = sent(network(offers=["8BITMIME"]), "me@example.org", ["you@bücher.example"], given)
    found = parsed(server.messages[0])
    assert [str(each) for each in found["To"].addresses] == [
        "Frau Müller <you@xn--bcher-kva.example>",
        "him@example.net",
    ]
    assert b"Cc: Freunde: a@xn--bcher-kva.example;" in server.messages[0]
    assert given["To"].addresses[0].domain == "bücher.example"


def test_nobody_sees_bcc(network):
    given = message(Bcc="secret@example.net")
    given["Resent-Bcc"] = "secret@example.net"
    inner = EmailMessage()
    inner["Bcc"] = "kept@example.net"
    inner.set_content("x\n")
    given.add_attachment(inner)
    server = sent(network(), "me@example.org", ["you@example.net", "secret@example.net"], given)
    assert b"secret@example.net" not in server.messages[0]
    assert b"kept@example.net" in server.messages[0]
    assert given["Bcc"] == given["Resent-Bcc"] == "secret@example.net"


def test_the_message_belongs_to_the_caller(network):
    given = message(Bcc="secret@example.net")
    given.add_alternative("<p>ü</p>\n", subtype="html")
    given.add_attachment(b"\xff" * 100, maintype="application", subtype="octet-stream")
    headers = [(part, list(part.items())) for part in given.walk()]
    for offers in ([], ["8BITMIME"], ALL):
        server = sent(network(offers=offers), "me@example.org", ["you@example.net"], given)
        assert parsed(server.messages[0]).get_boundary()
    assert [(part, list(part.items())) for part in given.walk()] == headers  # no boundary either


def test_messages_of_the_old_kind(network):
    old = MIMEMultipart()
    old["Subject"] = Header("Grüße", "utf-8")
    old["From"] = "me@example.org"
    old.attach(MIMEText("From here\nand ü\n", "plain", "utf-8"))
    old.attach(MIMEText("From there\n"))
    server = sent(network(), "me@example.org", ["you@example.net"], old)
    (octets,) = server.messages
    assert b"\n" not in octets.replace(b"\r\n", b"")
    found = parsed(octets)
    assert found["Subject"] == "Grüße"
    texts = [part.get_content().splitlines() for part in found.iter_parts()]
    assert texts == [["From here", "and ü"], ["From there"]]


def test_an_8_bit_message_that_was_parsed(network):
    """Octets that nobody declared go through where 8-bit is allowed, and are encoded where it is not."""
    raw = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xfc\r\n"
    server = sent(network(offers=["8BITMIME"]), "me@example.org", ["you@example.net"], parsed(raw))
    assert server.messages[0].endswith(b"\r\n\r\n\xfc\r\n")
    server = sent(network(), "me@example.org", ["you@example.net"], parsed(raw))
    assert server.messages[0].isascii()
    assert parsed(server.messages[0]).get_content().splitlines() == ["ü"]


def test_our_own_name_is_said_in_ascii(network):
    """RFC 6531 §3.7.1: whether the server takes anything else is known only after the hello."""
    net = network()
    net.greeted(domain="bücher.example")
    assert net.servers[0].lines == ["EHLO xn--bcher-kva.example"]
