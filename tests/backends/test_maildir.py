"""``maildir:PATH``: where a message goes, what stands on top of it, and that its octets are those sent."""

from __future__ import annotations

import os
import re
from email.utils import parsedate_to_datetime

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import maybeDeferred

from tests.backends.disk import files
from txsmtpx import BackendRealm, MaildirBackend, PortalBackend, Reply, SMTPError
from txsmtpx.backends.maildir import disk_full_452
from txsmtpx.testing import Conversation

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>")


def maildir(path, pattern="", **settings):
    return MaildirBackend(str(path / pattern), maybeDeferred, lambda descriptor: None, **settings)


def deliver(backend, *recipients, body="Subject: hi\r\n\r\nhello", hello=HELLO, **settings):
    """Say one message; the answers to its end."""
    client = Conversation(backend, **settings)
    client.ask(*hello, *[f"RCPT TO:<{recipient}>" for recipient in recipients], "DATA")
    said = client.ask(*body.split("\r\n"), ".")
    client.hang_up()
    return said


def only(directory) -> bytes:
    """The one message in it."""
    (file,) = (directory / "new").iterdir()
    return file.read_bytes()


def headers(octets: bytes) -> list[str]:
    """What stands above the message as sent, unfolded."""
    return re.sub(r"\r\n\t", " ", octets.partition(b"Subject:")[0].decode()).splitlines()


def test_a_message(tmp_path):
    (answer,) = deliver(maildir(tmp_path), "b@localhost")
    queue_id = re.fullmatch("250 2.0.0 Ok: queued as ([0-9A-F]+)", answer)[1]
    assert sorted(os.listdir(tmp_path)) == ["cur", "new", "tmp"]
    content = only(tmp_path)
    assert content.endswith(b"\r\nSubject: hi\r\n\r\nhello\r\n")
    return_path, delivered_to, received = headers(content)
    assert return_path == "Return-Path: <a@client.example>"
    assert delivered_to == "Delivered-To: b@localhost"
    match = re.fullmatch(
        rf"Received: from client\.example by localhost \(txsmtpx\) with ESMTP id {queue_id} for <b@localhost>; (.*)",
        re.sub(r" \(\[[^]]*\]\)", "", received),
    )
    assert parsedate_to_datetime(match[1]).year >= 2026


def test_its_name_is_of_this_process_and_unlike_any_other(tmp_path):
    backend = maildir(tmp_path)
    for _ in range(20):
        deliver(backend, "b@localhost")
    names = os.listdir(tmp_path / "new")
    assert len(names) == 20
    assert all(re.fullmatch(rf"\d+\.M\d{{6}}P{os.getpid()}Q\d+\.[^/:]+", name) for name in names)


def test_the_null_path(tmp_path):
    deliver(maildir(tmp_path), "b@localhost", hello=("EHLO a", "MAIL FROM:<>"))
    assert headers(only(tmp_path))[0] == "Return-Path: <>"


BODIES = {
    "nothing": b"",
    "dots": b".\r\n..\r\n...\r\n.a\r\n",
    "all octets": bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
    "no header": b"just text\r\n",
    "long": b"0123456789" * 200 + b"\r\n",
    "large": (b"x" * 70 + b"\r\n") * 20000,
    "empty lines": b"\r\n" * 5,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
def test_the_octets_are_those_sent(tmp_path, body, verb):
    client = Conversation(maildir(tmp_path))
    client.ask(*HELLO, "RCPT TO:<b@localhost>")
    if verb == "DATA":
        client.ask("DATA")
        stuffed = re.sub(rb"(?m)^\.", b"..", body)
        for at in range(0, len(stuffed), 5000):
            client.send(stuffed[at : at + 5000])
        client.send(b".\r\n")
    else:
        client.send(b"BDAT %d LAST\r\n" % len(body))
        for at in range(0, len(body), 5000):
            client.send(body[at : at + 5000])
    assert client.replies()[-1].startswith("250 2.0.0 Ok: queued")
    client.hang_up()
    content = only(tmp_path)
    top = re.match(rb"Return-Path: .*\r\nDelivered-To: .*\r\nReceived: .*\r\n(?:\t.*\r\n)+", content)
    assert content[top.end() :] == body


def test_several_recipients_in_one_maildir_have_one_copy(tmp_path):
    deliver(maildir(tmp_path), "b@localhost", "c@localhost", "b@localhost")
    top = headers(only(tmp_path))
    assert top[1:4] == ["Delivered-To: b@localhost", "Delivered-To: c@localhost", "Delivered-To: b@localhost"]
    assert " for <" not in top[4]  # nobody learns of a blind copy to another


def test_several_maildirs(tmp_path):
    backend = maildir(tmp_path, "{domain}/{local}/Maildir")
    body = "Subject: hi\r\n\r\n" + "\r\n".join("x" * 70 for _ in range(10000))
    said = deliver(backend, "b@one.example", "C@One.Example", "b@two.example", "c@one.example", body=body)
    assert len(said) == 1
    assert said[0].startswith("250 ")
    copies = {name: only(tmp_path / name / "Maildir") for name in ("one.example/b", "one.example/c", "two.example/b")}
    assert len(files(tmp_path)) == 3
    assert headers(copies["one.example/b"])[1] == "Delivered-To: b@one.example"
    assert headers(copies["one.example/c"])[1:3] == ["Delivered-To: C@One.Example", "Delivered-To: c@one.example"]
    assert headers(copies["two.example/b"])[1] == "Delivered-To: b@two.example"
    assert {content.partition(b"Subject:")[2] for content in copies.values()} == {body[8:].encode() + b"\r\n"}
    assert not any(b" for <" in content for content in copies.values())


def test_lmtp_has_a_reply_for_each(tmp_path):
    said = deliver(
        maildir(tmp_path, "{local}"),
        "b@one.example",
        "c@one.example",
        "b@one.example",
        hello=("LHLO client.example", HELLO[1]),
        lmtp=True,
    )
    assert [re.sub("queued as .*", "", line) for line in said] == [
        "250 2.0.0 <b@one.example> Ok: ",
        "250 2.0.0 <c@one.example> Ok: ",
        "250 2.0.0 <b@one.example> Ok: ",
    ]
    assert len(files(tmp_path)) == 2
    assert " with LMTP id " in headers(only(tmp_path / "b"))[-1]


@pytest.mark.parametrize(("domain", "where"), [("mx.example", "mx.example/postmaster"), ("MX", "mx/postmaster")])
def test_postmaster_has_the_maildir_of_our_domain(tmp_path, domain, where):
    deliver(maildir(tmp_path, "{domain}/{local}"), "Postmaster", domain=domain)
    assert headers(only(tmp_path / where))[1] == "Delivered-To: Postmaster"


def test_an_existing_maildir_is_left_as_it_is(tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "there already").write_bytes(name.encode())
    deliver(maildir(tmp_path), "b@localhost")
    assert len(files(tmp_path)) == 4


@pytest.mark.parametrize("part", ["tmp", "new", "cur"])
def test_a_part_that_is_gone_is_made_again(tmp_path, part):
    backend = maildir(tmp_path)
    deliver(backend, "b@localhost")
    for path in (tmp_path / part).iterdir():
        path.unlink()
    (tmp_path / part).rmdir()
    (answer,) = deliver(backend, "b@localhost")
    assert answer[:9] == "250 2.0.0"


def test_only_the_owner_may_look(tmp_path):
    deliver(maildir(tmp_path, "{local}"), "b@localhost")
    assert [(tmp_path / "b" / name).stat().st_mode & 0o777 for name in ("new", "cur", "tmp")] == [0o700] * 3


UNSAFE = [
    '"../x"@localhost',
    '".."@localhost',
    '"."@localhost',
    '".x"@localhost',
    '"a/b"@localhost',
    '"/etc/passwd"@localhost',
    '"a\\\\b"@localhost',
    "a/b@localhost",
    "a/../../b@localhost",
    '"' + "/" * 20 + '"@localhost',
    f"{'x' * 201}@localhost",
    '""@localhost',
]


@pytest.mark.parametrize("recipient", UNSAFE)
def test_no_name_leads_out_of_the_maildir(tmp_path, recipient):
    client = Conversation(maildir(tmp_path, "home/{domain}/{local}"))
    said = client.ask(*HELLO, f"RCPT TO:<{recipient}>", "DATA")[-2:]
    assert said[0] == "553 5.1.3 No mailbox can have that name" or said[0].startswith("501 5.5.2 ")
    assert said[1].startswith("503 ")
    client.hang_up()
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "a\\b", "a\0b", "a\nb", "\u202ea", "x" * 201, "é" * 101])
@pytest.mark.parametrize("part", ["local", "domain"])
def test_names_that_no_file_can_safely_have(tmp_path, name, part):
    """Past the grammar, which lets few of them through."""
    backend = maildir(tmp_path, f"{{{part}}}/x")
    quoted = '"' + name.replace("\\", "\\\\") + '"'
    address = f"{quoted}@localhost" if part == "local" else f"b@{name}"
    if part == "domain" and not name:
        with pytest.raises(SMTPError):
            backend.maildir("b", "")
        return
    with pytest.raises(SMTPError) as refused:
        backend.maildir(address, "localhost")
    assert refused.value.code == 553


@pytest.mark.parametrize(
    ("recipient", "where"),
    [
        ('"a b"@localhost', "a b"),
        ('"a..b"@localhost', "a..b"),
        ('"Quoted"@localhost', "quoted"),
        ('"a\\"b"@localhost', 'a"b'),
        ("a+tag@localhost", "a+tag"),
        ("~root@localhost", "~root"),
        ("$HOME@localhost", "$home"),
        ("{domain}@localhost", "{domain}"),
        ("*@localhost", "*"),
        ("-rf@localhost", "-rf"),
    ],
)
def test_odd_names_that_are_safe(tmp_path, recipient, where):
    deliver(maildir(tmp_path, "{local}"), recipient)
    assert only(tmp_path / where)


ONE = [
    ("b@b\u00fccher.example", "b@xn--bcher-kva.example", "xn--bcher-kva.example/b"),
    ("b@b\u00fccher.example", "B@BU\u0308CHER.example", "xn--bcher-kva.example/b"),
    ("caf\u00e9@x.example", "cafe\u0301@x.example", "x.example/caf\u00e9"),
    ("\u00c4@x.example", "A\u0308@x.example", "x.example/\u00c4"),
    ('"a b"@x.example', '"A B"@X.example', "x.example/a b"),
    ("a@[192.0.2.1]", "a@[IPv6:::ffff:c000:201]", "[192.0.2.1]/a"),
]

TWO = [
    ("mark@x.example", "mar\u212a@x.example"),
    ('"a;b"@x.example', "a\u037eb@x.example"),
    ("a`b@x.example", "a\u1fefb@x.example"),
    ("\u0130@x.example", "i\u0307@x.example"),
    ("\u0131@x.example", "i@x.example"),
    ("\u00e5@x.example", "\u212b@x.example"),
    ("\u00df@x.example", "ss@x.example"),
    ("\u03c3@x.example", "\u03c2@x.example"),
    ("\uff41@x.example", "a@x.example"),
    ('"a b"@x.example', '"a  b"@x.example'),
    ("a@stra\u00dfe.example", "a@strasse.example"),
    ("a@\u03b2\u03cc\u03bb\u03bf\u03c2.example", "a@\u03b2\u03cc\u03bb\u03bf\u03c3.example"),
]

UTF8 = ("EHLO client.example", "MAIL FROM:<a@client.example> SMTPUTF8")


@pytest.mark.parametrize(("one", "other", "where"), ONE, ids=ascii)
def test_a_mailbox_has_one_maildir_however_it_is_written(tmp_path, one, other, where):
    backend = maildir(tmp_path, "{domain}/{local}")
    for recipients in ([one], [other], [one, other]):
        deliver(backend, *recipients, hello=UTF8)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")} == {where}
    assert len(files(tmp_path)) == 3


@pytest.mark.parametrize(("one", "other"), TWO, ids=ascii)
def test_two_mailboxes_have_two(tmp_path, one, other):
    deliver(maildir(tmp_path, "{domain}/{local}"), one, other, hello=UTF8)
    assert len(files(tmp_path)) == 2


def test_it_stands_there_as_the_client_wrote_it(tmp_path):
    deliver(maildir(tmp_path, "{domain}/{local}"), "Jose\u0301@B\u00dcCHER.example", hello=UTF8)
    stored = only(tmp_path / "xn--bcher-kva.example" / "jos\u00e9")
    assert "Delivered-To: Jose\u0301@B\u00dcCHER.example\r\n".encode() in stored


def test_a_domain_that_is_none_has_no_maildir(tmp_path):
    """Past the grammar, as a function that rewrites may give it."""
    with pytest.raises(SMTPError) as refused:
        maildir(tmp_path, "{domain}/x").maildir("b@ex\u3002ample.org", "localhost")
    assert refused.value.code == 553


def test_an_address_literal(tmp_path):
    deliver(maildir(tmp_path, "{domain}/{local}"), "b@[192.0.2.1]", "b@[IPv6:2001:db8::1]")
    assert only(tmp_path / "[192.0.2.1]" / "b")
    assert only(tmp_path / "[ipv6:2001:db8::1]" / "b")


def test_a_pattern_without_local_takes_every_local_part(tmp_path):
    deliver(maildir(tmp_path, "{domain}"), '"../../etc/passwd"@localhost')
    assert only(tmp_path / "localhost")


@pytest.mark.parametrize(
    "pattern", ["", "{user}", "{}", "{0}", "{local", "local}", "{local!r}", "{local.x}", "{local[0]}"]
)
def test_patterns_that_are_none(pattern):
    with pytest.raises(ValueError, match="maildir"):
        MaildirBackend(pattern and f"maildir/{pattern}")


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    backend = MaildirBackend("Maildir")
    monkeypatch.chdir("/")
    assert backend.maildir("b@localhost", "localhost") == str(tmp_path / "Maildir")


def with_login(backend):
    users = InMemoryUsernamePasswordDatabaseDontUse()
    users.addUser(b"user", b"secret")
    portal = PortalBackend(Portal(BackendRealm(backend), [users]))
    portal.anonymous_login = backend.anonymous_login
    return portal


PROTOCOLS = {
    "SMTP": ("HELO", False, False, ""),
    "ESMTP": ("EHLO", False, False, ""),
    "ESMTPS": ("EHLO", True, False, ""),
    "ESMTPA": ("EHLO", False, True, ""),
    "ESMTPSA": ("EHLO", True, True, ""),
    "UTF8SMTP": ("EHLO", False, False, " SMTPUTF8"),
    "UTF8SMTPS": ("EHLO", True, False, " SMTPUTF8"),
    "UTF8SMTPA": ("EHLO", False, True, " SMTPUTF8"),
    "UTF8SMTPSA": ("EHLO", True, True, " SMTPUTF8"),
    "LMTP": ("LHLO", False, False, ""),
    "LMTPS": ("LHLO", True, False, ""),
    "LMTPA": ("LHLO", False, True, ""),
    "LMTPSA": ("LHLO", True, True, ""),
    "UTF8LMTP": ("LHLO", False, False, " SMTPUTF8"),
    "UTF8LMTPSA": ("LHLO", True, True, " SMTPUTF8"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_received_says_by_which_protocol(tmp_path, protocol):
    """RFC 3848, RFC 6531 §4.3."""
    hello, tls, login, parameter = PROTOCOLS[protocol]
    lines = [f"{hello} client.example"]
    if login:
        lines.append("AUTH PLAIN AHVzZXIAc2VjcmV0")
    sender = "jürgen@client.example" if parameter else "a@client.example"
    lines.append(f"MAIL FROM:<{sender}>{parameter}")
    deliver(
        with_login(maildir(tmp_path)),
        "b@localhost",
        hello=lines,
        lmtp=hello == "LHLO",
        inside_tls=tls,
        allow_insecure_auth=True,
    )
    top = headers(only(tmp_path))
    assert f" with {protocol} id " in top[-1]
    assert top[0] == f"Return-Path: <{sender}>"


@pytest.mark.parametrize("hello", ["(comment)", "a;b", "x<y>", "[192.0.2.1]", "\\"])
def test_received_quotes_no_hello_that_could_be_read_as_more(tmp_path, hello):
    deliver(maildir(tmp_path), "b@localhost", hello=(f"HELO {hello}", HELLO[1]))
    received = headers(only(tmp_path))[2]
    said = received.removeprefix("Received: from ").split(" ")[0]
    assert said == re.sub(r"[()<>;\\]", "?", hello)


def test_a_disk_that_is_full():
    assert disk_full_452("B0654AC0") == Reply(452, (4, 3, 1), "Insufficient system storage (B0654AC0)")
