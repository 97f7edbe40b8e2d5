"""What no server could take is refused before there is a connection, by its name."""

from __future__ import annotations

import io

import pytest
from twisted.internet.defer import Deferred

from txsmtpx import MailOptions, RcptOptions, SMTPClient, SMTPPool, connect, send_mail
from txsmtpx.dialog.addressing import address_of, check_message
from txsmtpx.testing import Outcome

ME, YOU, BODY = "me@example.org", "you@example.net", b"Subject: x\r\n\r\nx\r\n"
NONE = "recipients are a list of at least one address"


def by_send_mail(net, sender, recipients, body, options=None):
    return send_mail(net, sender, recipients, body, options=options, tls="none", reactor=net.clock)


def by_pool(net, *message):
    return SMTPPool(net, tls="none", reactor=net.clock).send(*message)


def by_client(net, *message):
    return net.greeted().send(*message)


WAYS = [by_send_mail, by_pool, by_client]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)

NO_BODY = (
    "a body must be bytes, a file open in binary mode, an EmailMessage, a producer or an iterable of bytes"
)

WRONG = {
    "a body with names": (ME, [YOU], {}, TypeError, f"{NO_BODY}, not dict"),
    "a body without an order": (ME, [YOU], {b"x"}, TypeError, f"{NO_BODY}, not set"),
    "a body of lines of text": (ME, [YOU], [b"x", "y"], TypeError, "a body is octets, and a piece of it is str"),
    "none": (ME, [], BODY, ValueError, NONE),
    "a tuple of none": (ME, (), BODY, ValueError, NONE),
    "None": (ME, None, BODY, ValueError, NONE),
    "text": (ME, YOU, BODY, ValueError, NONE),
    "octets": (ME, YOU.encode(), BODY, ValueError, NONE),
    "a number": (ME, 7, BODY, ValueError, NONE),
    "an iterator of none": (ME, iter([]), BODY, ValueError, NONE),
    "empty": (ME, [""], BODY, ValueError, 'recipient 1 (""): the address is empty'),
    "empty octets": (ME, [YOU, b""], BODY, ValueError, 'recipient 2 (""): the address is empty'),
    "one is empty": (ME, [YOU, YOU, ""], BODY, ValueError, 'recipient 3 (""): the address is empty'),
    "one is None": (ME, [YOU, None], BODY, TypeError, "recipient 2 (None): an address is text, not NoneType"),
    "one is a number": (ME, [7], BODY, TypeError, "recipient 1 (7): an address is text, not int"),
    "no domain": (
        ME, [YOU, YOU, "root"], BODY, ValueError,
        'recipient 3 ("root"): an address needs a domain, such as root@example.org',
    ),
    "no domain behind quotes that hold an @": (
        ME, ['"a@b"'], BODY, ValueError,
        r'recipient 1 (""a@b""): an address needs a domain, such as "a@b"@example.org',
    ),
    "neither a domain nor a local part": (ME, ["a b"], BODY, ValueError, 'recipient 1 ("a b"): not a mailbox'),
    "a domain alone": (ME, ["@example.org"], BODY, ValueError, 'recipient 1 ("@example.org"): not a mailbox'),
    "a space": (ME, [YOU, "a b@example.org"], BODY, ValueError, 'recipient 2 ("a b@example.org"): not a mailbox'),
    "a line end": (
        ME, [YOU + "\n"], BODY, ValueError,
        r'recipient 1 ("you@example.net\n"): there is white space around the address',
    ),
    "a command": (
        ME, ["a@example.org>\r\nRSET"], BODY, ValueError, r'recipient 1 ("a@example.org>\r\nRSET"): not a mailbox',
    ),
    "several in one": (
        ME, ["a@example.org, b@example.org"], BODY, ValueError,
        'recipient 1 ("a@example.org, b@example.org"): there are several addresses in one: each is an element of the'
        " list",
    ),
    "several in one, of which one is none": (
        ME, ["a@example.org, b"], BODY, ValueError, 'recipient 1 ("a@example.org, b"): not a mailbox',
    ),
    "another control character around": (
        ME, ["\va@example.org"], BODY, ValueError, r'recipient 1 ("\x0ba@example.org"): not a mailbox',
    ),
    "a label too long": (
        ME, [YOU, f"a@{'x' * 64}.example"], BODY, ValueError,
        f'recipient 2 ("a@{"x" * 64}.example"): a label of the domain is too long',
    ),
    "very long": (
        ME, ["x" * 1000 + "@example.org"], BODY, ValueError,
        f'recipient 1 ("{"x" * 100}..."): the local part is too long',
    ),
    "as long as is shown": (ME, ["@" * 100], BODY, ValueError, f'recipient 1 ("{"@" * 100}"): not a mailbox'),
    "longer than is shown": (
        ME, ["@" * 101], BODY, ValueError, f'recipient 1 ("{"@" * 100}..."): not a mailbox',
    ),
    "no U-label": (
        ME, [YOU, "a@\u212a.example"], BODY, ValueError,
        'recipient 2 ("a@\u212a.example"): a domain cannot hold U+212A',
    ),
    "no Unicode": (
        ME, ["\udc80@example.org"], BODY, ValueError,
        r'recipient 1 ("\udc80@example.org"): a character of the address has no form in UTF-8',
    ),
    "no UTF-8": (
        ME, [b"\xff@example.org"], BODY, ValueError,
        r"recipient 1 (b'\xff@example.org'): an address in octets is in UTF-8",
    ),
    "wrong, with options": (
        ME, [YOU, ("root", RcptOptions())], BODY, ValueError,
        'recipient 2 ("root"): an address needs a domain, such as root@example.org',
    ),
    "options that are none": (
        ME, [(YOU, {"notify": "NEVER"})], BODY, TypeError, "recipient 1: its options are an RcptOptions, not dict",
    ),
    "options of MAIL": (
        ME, [(YOU, MailOptions())], BODY, TypeError, "recipient 1: its options are an RcptOptions, not MailOptions",
    ),
    "a sender that is None": (None, [YOU], BODY, TypeError, "sender (None): an address is text, not NoneType"),
    "a sender that is wrong": (
        "root", [YOU], BODY, ValueError, 'sender ("root"): an address needs a domain, such as root@example.org',
    ),
    "no body": (ME, [YOU], None, TypeError, f"{NO_BODY}, not NoneType"),
    "a body of text": (ME, [YOU], "text", TypeError, f"{NO_BODY}, not str: give text.encode()"),
    "a file of text": (ME, [YOU], io.StringIO("x"), TypeError, "the file is open for text, a body is octets"),
}  # fmt: skip


@ways
@pytest.mark.parametrize("case", WRONG)
def test_it_is_refused_by_its_name(network, way, case):
    sender, recipients, body, error, text = WRONG[case]
    if case == "an iterator of none":
        recipients = iter([])
    net = network()
    outcome = Outcome(way(net, sender, recipients, body))
    net.flush()
    assert type(outcome.error) is error
    assert str(outcome.error) == text
    if way is by_client:
        assert net.servers[0].verbs == ["EHLO"]
        assert net.result(SMTPClient(net.clients[0]).noop()).code == 250
    else:
        assert not net.servers


@ways
def test_options_that_are_none_are_refused(network, way):
    net = network()
    with pytest.raises(TypeError, match=r"^options are a MailOptions, not dict$"):
        net.result(way(net, ME, [YOU], BODY, {"size": 5}))
    assert [server.verbs for server in net.servers] == [["EHLO"]] * (way is by_client)


@ways
@pytest.mark.parametrize(
    ("sender", "recipients"),
    [
        (b"me@example.org", [b"you@example.net", "b@example.net"]),
        (b"", [(b"you@example.net", RcptOptions()), bytearray(b"b@example.net")]),
        ("", iter(["you@example.net", "b@example.net"])),
        (ME, {"you@example.net": 1, "b@example.net": 2}),
        (ME, [["you@example.net", RcptOptions()], "b@example.net"]),
    ],
    ids=["octets", "octets with options", "iterator", "dict", "a pair that is a list"],
)
def test_octets_and_other_lists_are_taken(network, way, sender, recipients):
    net = network()
    given = iter(["you@example.net", "b@example.net"]) if hasattr(recipients, "__next__") else recipients
    result = net.result(way(net, sender, given, BODY))
    assert [recipient for recipient, _ in result.accepted] == ["you@example.net", "b@example.net"]
    path = sender if isinstance(sender, str) else sender.decode()
    mail = [f"MAIL FROM:<{path}>", "RCPT TO:<you@example.net>", "RCPT TO:<b@example.net>"]
    assert net.servers[0].lines[1:4] == mail
    net.advance(100)


def test_a_postmaster_needs_no_domain(network):
    net = network()
    net.result(by_send_mail(net, "", ["Postmaster"], BODY))
    assert net.servers[0].lines[2] == "RCPT TO:<Postmaster>"


def test_the_number_is_that_in_the_whole_list(network):
    """Though it goes in several transactions (RFC 9422)."""
    net = network(offers=["LIMITS RCPTMAX=2"])
    client = net.greeted()
    with pytest.raises(ValueError, match=r'^recipient 4 \("root"\): an address needs a domain'):
        net.result(client.send(ME, [YOU, YOU, YOU, "root", YOU], BODY))
    assert net.servers[0].verbs == ["EHLO"]


@pytest.mark.parametrize(("given", "error"), [("", ValueError), (b"", ValueError), (None, TypeError), (7, TypeError)])
def test_a_command_by_itself(network, given, error):
    net = network()
    client = net.greeted()
    net.result(client.mail(b"me@example.org"))
    with pytest.raises(error, match=r"^recipient "):
        net.result(client.rcpt(given))
    net.result(client.rcpt(b"you@example.net"))
    if error is TypeError:
        with pytest.raises(error, match=r"^sender "):
            net.result(client.mail(given))
    assert net.servers[0].lines[1:] == ["MAIL FROM:<me@example.org>", "RCPT TO:<you@example.net>"]


# ---- the name in EHLO

NAMES = {
    "a space": "my host",
    "spaces around": " host",
    "a line end": "host\r\nRSET",
    "an address": "me@example.org",
    "a port": "host:25",
    "an IP address without brackets of version 6": "2001:db8::1",
    "no address literal": "[example.org]",
    "no U-label": "\u212a.example",
    "a dot": ".",
    "two dots": "a..b",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_for_ehlo_that_is_none(network, name):
    net = network()
    kinds = "a domain or an address literal, such as mail.example.org or [192.0.2.1]"
    text = f"domain, the name in EHLO, is {kinds}, not {name!r}"

    async def sending():
        return await send_mail(net, ME, [YOU], BODY, tls="none", domain=name, reactor=net.clock)

    for attempt in (
        lambda: connect(net, tls="none", domain=name, reactor=net.clock),
        lambda: SMTPPool(net, tls="none", domain=name, reactor=net.clock),
        lambda: net.result(Deferred.fromCoroutine(sending())),
    ):
        with pytest.raises(ValueError, match=r"^domain, the name in EHLO, is ") as caught:
            attempt()
        assert str(caught.value) == text
    assert not net.servers
    client = net.greeted()
    with pytest.raises(ValueError, match=r"^domain, the name in EHLO, is "):
        net.result(client.hello(name))
    assert len(net.servers[0].lines) == 1


@pytest.mark.parametrize("name", [None, b"host", 7], ids=repr)
def test_a_name_for_ehlo_of_a_wrong_type(network, name):
    net = network()
    with pytest.raises(TypeError, match=r"^domain, the name in EHLO, is text, not "):
        connect(net, tls="none", domain=name, reactor=net.clock)
    assert not net.servers


@pytest.mark.parametrize(
    "name", ["mail.example.org", "localhost", "my_host", "mail.example.org.", "[192.0.2.1]", "[IPv6:2001:db8::1]"]
)
def test_a_name_for_ehlo(network, name):
    net = network()
    net.result(connect(net, tls="none", domain=name, reactor=net.clock))
    assert net.servers[0].lines == [f"EHLO {name}"]


def test_recipients_keep_the_options_that_they_have():
    options = RcptOptions(notify=["DELAY"])
    found = check_message(b"a@example.org", [b"b@example.net", ("c@example.net", options)], b"", None)
    assert found == ("a@example.org", ["b@example.net", ("c@example.net", options)])


def test_only_a_sender_may_be_empty():
    assert address_of("sender", "") == ""
    with pytest.raises(ValueError, match="recipient"):
        address_of("recipient", "")
