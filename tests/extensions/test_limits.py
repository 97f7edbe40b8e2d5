"""RFC 9422 on the client: it keeps to what it reads."""

from __future__ import annotations

import io
from email.message import EmailMessage
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.extensions.ends import Ends
from txsmtpx import Delivered, MailOptions, NotOffered, RcptOptions, RecipientsRefused, SMTPClient, SMTPError, SMTPPool
from txsmtpx.extensions.limits import LIMITS
from txsmtpx.testing import Network, RecordingBackend, ScriptedServer

SENDER = "me@example.com"
SIX = [f"user{number}@example.com" for number in range(6)]


def codes(pairs: Any) -> list[tuple[str, int]]:
    return [(recipient, reply.code) for recipient, reply in pairs]


@pytest.mark.parametrize(("text", "meaning"), [
    ("RCPTMAX=10 MAILMAX=1", {"RCPTMAX": 10, "MAILMAX": 1}),
    ("rcptmax=999999", {"RCPTMAX": 999999}),
    ("RCPTMAX=0 MAILMAX=07 RCPTDOMAINMAX=1000000 X Z=many W=-1", {}),
    ("NEWMAX=3", {"NEWMAX": 3}),
])  # fmt: skip
def test_read(text: str, meaning: dict[str, int]) -> None:
    assert LIMITS.read(text) == meaning


@pytest.mark.parametrize("text", ["", "RCPTMAX=1 Y=", "RCPTMAX=1;MAILMAX=1", "RCPTMAX=1 MAILMAX=²", "RCPT.MAX=1",
                                  "RCPTMAX=1  MAILMAX=1", "=1"])  # fmt: skip
def test_what_is_no_list_of_limits_counts_as_a_whole_for_nothing(text: str) -> None:
    """§3.7."""
    with pytest.raises(ValueError, match="takes limits"):
        LIMITS.read(text)


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "Hello"
    made.set_content("Hello")
    return made


def half_read() -> io.BytesIO:
    file = io.BytesIO(b"not this, Hello\r\n")
    file.seek(10)
    return file


@pytest.mark.parametrize("make", [lambda: b"Hello\r\n", lambda: bytearray(b"Hello\r\n"), message, half_read,
                                  lambda: [b"Hel", b"lo\r\n"]],
                         ids=["bytes", "bytearray", "EmailMessage", "file", "list"])  # fmt: skip
@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
def test_recipients_over_several_transactions(make: Any, lmtp: bool) -> None:
    ends = Ends(max_recipients=4, lmtp=lmtp)
    result = ends.send(SENDER, SIX, make())
    assert codes(result.accepted) == [(recipient, 250) for recipient in SIX]
    assert not result.refused
    assert [each.recipients for each in ends.backend.messages] == [tuple(SIX[:4]), tuple(SIX[4:])]
    assert len({each.content for each in ends.backend.messages}) == 1
    assert b"Hello" in ends.backend.messages[0].content
    assert b"not this" not in ends.backend.messages[0].content
    ends.over()


@pytest.mark.parametrize("domain", ["[IPv6:2001:db8::1]", "example.MX"])
@pytest.mark.parametrize("offers", [[], ["PIPELINING"]], ids=["step by step", "in one flight"])
def test_one_domain_may_come_again(domain: str, offers: list[str]) -> None:
    net = Network(lambda: ScriptedServer(["LIMITS RCPTDOMAINMAX=1", *offers]))
    client = net.greeted()
    for _ in range(2):
        net.result(client.send(SENDER, [f"you@{domain}"], b"Hello\r\n"))
    with pytest.raises(NotOffered, match="RCPTDOMAINMAX"):
        net.result(client.send(SENDER, ["you@example.org"], b"Hello\r\n"))
    net.hang_up()


def test_exactly_as_many_are_one_transaction() -> None:
    ends = Ends(max_recipients=6)
    ends.send(SENDER, SIX, iter([b"Hello\r\n"]))
    assert len(ends.backend.messages) == 1
    ends.over()


def test_options_of_each_go_with_it() -> None:
    ends = Ends(max_recipients=1)
    ends.send(SENDER, [(each, RcptOptions()) for each in SIX[:2]], b"Hello\r\n", MailOptions(smtputf8=True))
    assert [each.recipients for each in ends.backend.messages] == [(SIX[0],), (SIX[1],)]
    assert [each.options.smtputf8 for each in ends.backend.messages] == [True, True]
    ends.over()


@pytest.mark.parametrize("make", [lambda: iter([b"Hello"]), lambda: (each for each in [b"Hello"])])
def test_a_body_that_is_there_once(make: Any) -> None:
    ends = Ends(max_recipients=4)
    ends.said.clear()
    with pytest.raises(ValueError, match="bytes, an EmailMessage or a seekable file"):
        ends.send(SENDER, SIX, make())
    assert not ends.said
    ends.over()


def test_fates_are_told_in_the_order_of_the_caller() -> None:
    no = SMTPError(550, (5, 1, 1), "Nobody")
    full = SMTPError(452, (4, 3, 1), "Full")
    backend = RecordingBackend(rcpt=[None, no, None, None, no, no], data=[None, full])
    ends = Ends(backend, max_recipients=2)
    result = ends.send(SENDER, SIX, b"Hello\r\n")
    assert codes(result.accepted) == [(SIX[0], 250)]
    assert codes(result.refused) == [(SIX[1], 550), (SIX[2], 452), (SIX[3], 452), (SIX[4], 550), (SIX[5], 550)]
    ends.over()


def test_all_refused() -> None:
    no = SMTPError(550, (5, 1, 1), "Nobody")
    ends = Ends(RecordingBackend(rcpt=[no] * 6), max_recipients=2)
    with pytest.raises(RecipientsRefused) as caught:
        ends.send(SENDER, SIX, b"Hello\r\n")
    assert codes(caught.value.refused) == [(recipient, 550) for recipient in SIX]
    ends.backend.outcomes["mail"] = [SMTPError(550, (5, 7, 1), "Not you")] * 3
    with pytest.raises(SMTPError, match=r"550 5\.7\.1 Not you"):
        ends.send(SENDER, SIX, b"Hello\r\n")
    ends.over()


def test_lost_on_the_way() -> None:
    """What was accepted stays accepted: to send it all again would be twice."""
    ends = Ends(max_recipients=2)
    ends.backend.outcomes["mail"] = [None, lambda *_: ends.server.dialog.close()]
    result = ends.send(SENDER, SIX, b"Hello\r\n")
    assert codes(result.accepted) == [(SIX[0], 250), (SIX[1], 250)]
    assert [recipient for recipient, _ in result.refused] == SIX[2:]
    assert all(isinstance(error, ConnectionDone) for _, error in result.refused)  # and no reply that nobody sent
    assert all(error.delivered is Delivered.NO for _, error in result.refused)
    with pytest.raises(Exception, match=r"."):
        ends.send(SENDER, SIX[:1], b"Hello\r\n")


def test_no_more_transactions_than_it_takes() -> None:
    ends = Ends(max_recipients=2, max_transactions=4)
    ends.send(SENDER, SIX[:2], b"Hello\r\n")
    assert not ends.client.spent
    ends.send(SENDER, SIX[:3], b"Hello\r\n")
    ends.said.clear()
    with pytest.raises(NotOffered, match=r"accepts 4 transactions in a session \(MAILMAX\), and has had 3"):
        ends.send(SENDER, SIX[:3], b"Hello\r\n")
    assert not ends.said
    ends.come(ends.client.mail(SENDER))
    ends.come(ends.client.reset())
    assert ends.client.spent
    with pytest.raises(NotOffered, match="and has had 4"):
        ends.send(SENDER, SIX[:1], b"Hello\r\n")
    assert not [line for line in ends.heard if line.startswith("452")]
    ends.over()


def test_no_more_domains_than_it_takes() -> None:
    """For the whole session (§4.3), so no further transaction helps."""
    ends = Ends(max_recipient_domains=2)
    ends.send(SENDER, ["you@one.example", "me@ONE.example", '"a@b"@one.example'], b"Hello\r\n")
    assert not ends.client.spent
    ends.said.clear()
    with pytest.raises(NotOffered, match=r"recipients of 2 domains in a session \(RCPTDOMAINMAX\)"):
        ends.send(SENDER, ["you@two.example", "you@three.example"], b"Hello\r\n")
    assert not ends.said
    ends.send(SENDER, ["you@two.example"], b"Hello\r\n")
    assert ends.client.spent
    ends.send(SENDER, ["you@one.example"], b"Hello\r\n")
    assert len(ends.backend.messages) == 3
    ends.over()


def test_a_domain_is_one_however_it_is_written() -> None:
    ends = Ends(max_recipient_domains=1)
    for recipient in ("you@b\u00fccher.example", "you@BU\u0308CHER.example", "you@xn--bcher-kva.example"):
        ends.send(SENDER, [recipient], b"Hello\r\n")
    with pytest.raises(NotOffered, match="RCPTDOMAINMAX"):
        ends.send(SENDER, ["you@bucher.example"], b"Hello\r\n")
    assert len(ends.backend.messages) == 3
    ends.over()


@implementer(IStreamClientEndpoint)
class Connections:
    """Where each connection is a new one to a server of ours."""

    def __init__(self, **settings: Any) -> None:
        self.made: list[Ends] = []
        self._settings = settings

    def acquired(self) -> SMTPClient:
        self.made.append(Ends(**self._settings))
        return self.made[-1].client


async def test_a_pool_leaves_a_connection_that_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = Connections(max_transactions=2)

    async def connect(*args: Any, **kwargs: Any) -> SMTPClient:
        return connections.acquired()

    monkeypatch.setattr("txsmtpx.wire.pool.connect_with", connect)
    pool = SMTPPool("unix:next", reactor=Clock())
    for _ in range(5):
        sending = pool.send(SENDER, SIX[:1], b"Hello\r\n")
        for _ in range(3):
            for made in connections.made:
                made.flush()
        await sending
    for made in connections.made:
        made.flush()
    assert [len(made.backend.messages) for made in connections.made] == [2, 2, 1]
    stopped = pool.stopService()
    connections.made[-1].flush()
    await stopped
    assert all(not made.client.usable for made in connections.made)
