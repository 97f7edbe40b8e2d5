"""
What a fuzzer feeds: each decoder and each dialog, as a function of octets that raises where something is wrong.

A decoder may refuse, in the way in which it says that it does; what it takes it must be able to write, and to read as
the same again.  A dialog must come to the same however its octets are cut.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from ipaddress import ip_address
from types import SimpleNamespace

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser

from tests.grammar.octetwise import model
from tests.hunt import cuts
from tests.hunt.liars import Lie
from tests.hunt.test_liars import agree, believe
from tests.hunt.victim import suffer
from txsmtpx import Accept, SMTPError
from txsmtpx.extensions import registry
from txsmtpx.extensions.xclient import XCLIENT_ATTRIBUTES
from txsmtpx.filters import access_action, clamd_stream, dns_list, policy_message
from txsmtpx.filters.milter import MilterError, commands, filter_replies
from txsmtpx.filters.milter.dialog import Answer, MilterDialog
from txsmtpx.filters.milter.modifications import changes_of
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.filters.milter.verdicts import verdict_of
from txsmtpx.grammar import attributes, command, esmtp_parameter, moment, path, trace, xtext
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.proxy import ProxyError, decode, encode
from txsmtpx.grammar.reply import MAX_LINE, Reply, ReplyParser
from txsmtpx.grammar.transparency import LineEnds, Stuffer, Unstuffer
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.login_mechanism import AuthLogin
from txsmtpx.sasl.mechanisms import MECHANISMS
from txsmtpx.sasl.plain import Plain
from txsmtpx.sasl.scram import Scram
from txsmtpx.settling import settle
from txsmtpx.wire.proxy_protocol_client import header

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {}
"""By name."""

POLICIES = ("normalize", "reject", "accept")


def target(function: Target) -> Target:
    """``function`` is one."""
    TARGETS[function.__name__] = function
    return function


def _number(octets: bytes) -> tuple[int, bytes]:
    """The first octet, for a choice, and the rest."""
    return (octets[0], octets[1:]) if octets else (0, b"")


def _pieces(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


# ---- decoders


@target
def command_line(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        verb, argument = command.split(octets)
        again = command.join(verb, argument) if argument else command.join(verb)
        assert command.split(again.removesuffix(b"\r\n")) == (verb, argument)


@target
def paths(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        address, rest = path.parse_path(octets.decode())
        assert path.parse_path(f"{path.format_path(address)} {rest}") == (address, rest)
        local, domain = path.split(address)
        if domain:
            assert f"{path.quote(local)}@{domain}" == address


@target
def parameters(octets: bytes) -> None:
    """Of MAIL, and of RCPT: all that there are."""
    number, octets = _number(octets)
    of_rcpt = bool(number % 2)
    declared = [each for extension in registry.EXTENSIONS for each in (extension.rcpt if of_rcpt else extension.mail)]
    given, again = (RcptOptions(), RcptOptions()) if of_rcpt else (MailOptions(), MailOptions())
    known = {each.keyword: each for each in declared}
    with contextlib.suppress(ValueError):
        esmtp_parameter.parse(octets.decode(), known, given)
        esmtp_parameter.parse(" ".join(esmtp_parameter.format(given, declared)), known, again)
        kept = {name: value for name, value in vars(given).items() if value not in (None, False)}
        assert vars(again) == kept


@target
def moments(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        decoded = moment.decode(octets.decode())
        with contextlib.suppress(ValueError):  # a year that is none in UTC
            assert moment.decode(moment.encode(decoded)) == decoded


@target
def xtexts(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        decoded = xtext.decode(octets.decode())
        assert xtext.decode(xtext.encode(decoded)) == decoded


@target
def attribute_lists(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        found = attributes.parse(octets.decode(), XCLIENT_ATTRIBUTES)
        assert attributes.parse(" ".join(attributes.format(found, XCLIENT_ATTRIBUTES)), XCLIENT_ATTRIBUTES) == found


@target
def replies_read(octets: bytes) -> None:
    parser = ReplyParser()
    with contextlib.suppress(ValueError):
        for line in octets.split(b"\n"):
            reply = parser.feed(line)
            if reply is not None:
                replies_written(str(reply.code).encode() + reply.text.encode("utf-8", "replace"))


@target
def replies_written(octets: bytes) -> None:
    """Whatever a backend says: lines of a reply, all of the same code, none too long, none of the peer's making."""
    text = octets.decode("utf-8", "surrogateescape")
    reply = Reply(250, (2, 1, 5), *text.split("\n"))
    lines = reply.encode().split(b"\r\n")
    assert lines.pop() == b""
    parser = ReplyParser()
    for line in lines[:1000]:
        assert len(line) + 2 <= MAX_LINE
        assert re.fullmatch(rb"250[ -]2\.1\.5 [^\0-\x1f\x7f]*", line)
        read = parser.feed(line)
        assert (read is not None) is (line is lines[-1])
    assert reply.one_line.isprintable() or not text.isprintable()


@target
def unstuffer(octets: bytes) -> None:
    number, octets = _number(octets)
    policy = POLICIES[number % 3]
    machine = Unstuffer(policy)
    message, at = b"", 0
    for piece in _pieces(octets, 1 + number // 3):
        chunk, end = machine.feed(piece)
        message += chunk
        if end >= 0:
            assert (message, at + end, machine.bare) == model(octets, policy)
            return
        at += len(piece)
    expected, end, _ = model(octets + b"\r\n.\r\n", policy)
    rest, _ = machine.feed(b"\r\n.\r\n")
    assert end > len(octets)
    assert message + rest == expected


@target
def stuffer(octets: bytes) -> None:
    number, octets = _number(octets)
    stuffing, ends = Stuffer(), LineEnds()
    pieces = _pieces(octets, 1 + number)
    sent = b"".join(map(stuffing.feed, pieces)) + stuffing.finish()
    as_lines = b"".join(map(ends.feed, pieces)) + ends.finish()
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    assert as_lines == lines + (b"\r\n" if lines and not lines.endswith(b"\r\n") else b"")
    received, end = Unstuffer("reject").feed(sent)
    assert end == len(sent)
    assert received == as_lines


@target
def received_header(octets: bytes) -> None:
    helo = octets.decode("utf-8", "replace")
    written = trace.received(
        helo=helo, peer="192.0.2.1", domain="mx.example", protocol="ESMTP", queue_id="1", recipient=None, when=0.0
    )
    assert [line[:1] for line in written.split(b"\r\n")] == [b"R", b"\t", b"\t", b""]
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))


@target
def proxy_header(octets: bytes) -> None:
    """What we write Twisted reads."""
    number, octets = _number(octets)
    ends, family = octets.ljust(36, b"\1"), (IPv4Address, IPv6Address)[number % 2]
    size = 16 if number % 2 else 4
    hosts = [str(ip_address(ends[at : at + size])) for at in (0, size)]
    ports = [1 + octet for octet in ends[-2:]]
    source, destination = (family("TCP", host, port) for host, port in zip(hosts, ports, strict=True))
    for version, parser in ((1, V1Parser), (2, V2Parser)):
        info, rest = parser().feed(header(version, source, destination) + b"EHLO")
        assert rest == b"EHLO"
        for read, end in ((info.source, source), (info.destination, destination)):
            assert (ip_address(read.host), read.port) == (ip_address(end.host), end.port)


@target
def proxy_headers(octets: bytes) -> None:
    """What is read can be written, and nothing is read before all of it has come."""
    with contextlib.suppress(ProxyError):
        found = decode(octets)
        if found is not None:
            header, size = found
            assert decode(octets[:size]) == found
            assert decode(octets[: size - 1]) is None
            written = encode(header)
            assert decode(written) == (header, len(written))


# ---- what the programs answer that a filter asks


@target
def policy_answers(octets: bytes) -> None:
    """However it is cut; and whatever its action, the reply is one line of a code that rejects."""
    found = []
    for size in (1, 7, len(octets) or 1):
        parser, action = policy_message.AnswerParser(), None
        try:
            for piece in _pieces(octets, size):
                assert action is None, "octets follow the answer"
                action = parser.feed(piece)
        except (policy_message.PolicyError, AssertionError):
            action = None
        found.append(action)
    assert found[0] == found[1] == found[2]
    with contextlib.suppress(policy_message.PolicyError):
        action = access_action.parse(found[0] if found[0] is not None else octets.decode("utf-8", "replace"))
        if action.code:
            reply = action.reply("b@example.org", "Recipient address")
            assert not reply.positive
            assert re.fullmatch(rb"(?:[45][0-9]{2}[ -][45]\.[0-9.]+ [^\r\n]*\r\n)+", reply.encode())
        if action.word == "PREPEND":
            Accept([action.added_field])


@target
def milter_answers(octets: bytes) -> None:
    whole = _milter_answers([octets])
    assert whole == _milter_answers(_pieces(octets, 1))
    for answer in whole or ():
        with contextlib.suppress(MilterError):
            verdict_of(answer.verdict, changes_of(answer.modifications, leading_space=True))


def _milter_answers(pieces: list[bytes]) -> list[Answer] | None:
    """What a server makes of what a milter sends after the end of a message; None for no milter protocol."""
    dialog, found = MilterDialog(), []
    dialog.open()
    dialog.receive(filter_replies.encode(Negotiation()))
    for sent in (commands.Connect(b"a"), commands.Mail(b"<>"), commands.EndOfMessage()):
        dialog.send(sent)
    try:
        for piece in pieces:
            if (answer := dialog.receive(piece)) is not None:
                found.append(answer)
    except MilterError:
        return None
    return found


@target
def policy_requests(octets: bytes) -> None:
    values = octets.decode("utf-8", "surrogateescape").split("\n\n")
    names = [f"name{number}" for number in range(len(values))]
    written = policy_message.encode(dict(zip(names, values, strict=True))).decode()
    assert written.endswith("\n\n")
    assert [line.partition("=")[0] for line in written[:-2].split("\n")] == names


@target
def clamd_answers(octets: bytes) -> None:
    with contextlib.suppress(clamd_stream.ClamdError):
        virus = clamd_stream.virus_in(clamd_stream.text_of(octets))
        assert (f"stream: {virus} FOUND" if virus else "stream: OK") == clamd_stream.text_of(octets)


@target
def dns_lists(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        found = dns_list.DNSList.parse(octets.decode())
        assert set(found.listed(["127.0.0.2", "127.1.2.3"])) <= {"127.0.0.2", "127.1.2.3"}


# ---- SASL


@target
def sasl_servers(octets: bytes) -> None:
    """Responses, separated by line ends: a refusal, or credentials; nothing else."""
    number, octets = _number(octets)
    mechanism = MECHANISMS[number % len(MECHANISMS)]
    tls = SimpleNamespace(peer_certificate=None, peer_names=(), bindings={})
    connection = SimpleNamespace(tls=tls, domain="mx.example", helo="a.example", peer_host="192.0.2.1")
    backend = SimpleNamespace(scram_verifier=lambda username, mechanism: None)
    with contextlib.suppress(ValueError, SMTPError, UnauthorizedLogin):
        server = mechanism.server(connection, backend)
        for response in [None] * mechanism.server_first + octets.split(b"\n"):
            if not isinstance(settle(server.next(response)), bytes):
                break


@target
def sasl_clients(octets: bytes) -> None:
    """Challenges, separated by line ends."""
    number, octets = _number(octets)
    makers = [Plain, AuthLogin, CramMD5, lambda *who: Scram("SCRAM-SHA-256", *who)]
    client = makers[number % len(makers)]("user", "secret")
    client.start()
    with contextlib.suppress(ValueError):
        for challenge in octets.split(b"\n")[:8]:
            assert isinstance(client.next(challenge), bytes)
    assert number % 4 != 3 or not client.finished  # nobody guesses the server's signature


# ---- dialogs


@target
def server_dialog(octets: bytes) -> None:
    number, octets = _number(octets)
    settings = {
        "lmtp": bool(number & 1),
        "require_auth": bool(number & 2),
        "allow_insecure_auth": True,
        "bare_newlines": POLICIES[number % 3],
        "max_message_bytes": 200,
        "max_line_length": 300,
    }
    expected = suffer([octets], **settings)
    for line in expected.replies:
        assert re.fullmatch(r"[2-5][0-9][0-9](?:[ -].*)?", line)
    assert suffer(cuts.one_by_one(octets, 0), **settings) == expected
    assert suffer(_pieces(octets, 2 + number // 8), slow=True, **settings) == expected


@target
def client_dialog(octets: bytes) -> None:
    """Answers, separated by octets that UTF-8 has no use for, in the order in which a client asks."""
    number, octets = _number(octets)
    verbs = ("GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "END", "NOOP")
    answers = dict(zip(verbs, octets.split(b"\xff"), strict=False))
    lie = Lie("", answers, offers=("waiting", "pipelining", "chunking")[number % 3])
    assert agree(believe(lie, cuts.one_by_one), believe(lie, cuts.whole))
