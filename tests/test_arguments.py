"""What cannot be used is refused when it is given, by a sentence that names it (guarantee 27)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import pytest
from twisted.internet.task import Clock

from txsmtpx import (
    Anonymous,
    AuthLogin,
    Certificate,
    CertificateDirectory,
    Connection,
    CramMD5,
    External,
    FilterBackend,
    ImplicitTLSEndpoint,
    LimitBackend,
    MaildirBackend,
    MemoryBackend,
    Middleware,
    MXEndpoint,
    OAuthBearer,
    OpenBackend,
    Plain,
    PROXYEndpoint,
    RelayBackend,
    Reply,
    RewriteBackend,
    Scram,
    Session,
    SMTPError,
    TeeBackend,
    TransactionLog,
    XOAuth2,
)
from txsmtpx.arguments import checked, checked_except, described, fits
from txsmtpx.filters.spamd import Spamd
from txsmtpx.interfaces import BackendLike, IBackend
from txsmtpx.logins.portal import BackendRealm, PortalBackend
from txsmtpx.testing import Conversation, Link, MailServer, Network, RecordingBackend, Script, ScriptedServer

TO = ["unix:/run/next"]


class OnlyAnonymous:
    """A backend without logins, which is enough for a server without AUTH."""

    def anonymous_login(self, connection: Connection) -> Session:
        return Session()


def relay(*arguments: Any, **settings: Any) -> RelayBackend:
    return RelayBackend(*(arguments or (TO,)), reactor=Clock(), **settings)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: SMTPError(550, (5, 1, 1), None), "the message of an SMTPError is a str, not NoneType"),
        (lambda: Plain("me", None), "Plain: password must be text, not NoneType"),
        (lambda: AuthLogin(b"me", "secret"), "AuthLogin: username must be text, not b'me'"),
        (lambda: CramMD5("me", 3), "CramMD5: password must be text, not int"),
        (lambda: Scram("SCRAM-SHA-256", "me", None), "Scram: password must be text, not NoneType"),
        (lambda: OAuthBearer("me", None), "OAuthBearer: token must be text, not NoneType"),
        (lambda: XOAuth2("me", None), "OAuthBearer: token must be text, not NoneType"),
        (lambda: External(3), "External: authorization must be text, not 3"),
        (lambda: Anonymous(3), "Anonymous: trace must be text, not 3"),
        (lambda: Middleware(None), "Middleware: backend must be a Backend, not None"),
        (lambda: relay(trust_root="ca.pem"), "RelayBackend has no argument trust_root; did you mean trust_roots?"),
        (lambda: relay(size="10"), "RelayBackend: size must be a whole number, not '10'"),
        (lambda: relay(size=True), "RelayBackend: size must be a whole number, not True"),
        (lambda: relay(wait="5"), "RelayBackend: wait must be a number, not '5'"),
        (lambda: relay(lmtp="yes"), "lmtp is True or False, not 'yes'"),
        (lambda: relay("tcp:mail.example.org:25"), "the next servers are a list of endpoints"),
        (lambda: relay([25]), "an endpoint is a string such as"),
        (lambda: relay(iter(TO)), None),
        (lambda: relay(["tcp:mail.example.org", 25]), "the next servers are a list of endpoints"),
        (lambda: relay(None), "endpoints is a list of endpoints, not None"),
        (lambda: relay(domains=iter(["example.org"])), None),
        (lambda: relay(domains=iter([5])), "domains is a list of text, not (5,)"),
        (lambda: relay(domains="example.org"), "RelayBackend: domains must be a list of text, not 'example.org'"),
        (lambda: relay(auth="secret"), "auth is (username, password), or a mechanism such as Plain, not str"),
        (lambda: OpenBackend(Session), "OpenBackend: Session does not take a connection: write OpenBackend(lambda con"),
        (lambda: OpenBackend(lambda: Session()), "<lambda> does not take a connection: write OpenBackend(lambda conn"),
        (lambda: OpenBackend(Session()), "OpenBackend: session must be a function, not <txsmtpx"),
        (lambda: MemoryBackend("100"), "MemoryBackend: max_messages must be a whole number or None, not '100'"),
        (lambda: MemoryBackend(max_message=1), "MemoryBackend has no argument max_message; did you mean max_messages?"),
        (lambda: MaildirBackend(b"/mail"), "MaildirBackend: pattern must be text, not b'/mail'"),
        (lambda: TeeBackend(OnlyAnonymous(), OnlyAnonymous()), None),
        (lambda: FilterBackend(OnlyAnonymous(), print), None),
        (lambda: BackendRealm(OnlyAnonymous()), None),
        (lambda: MailServer(OnlyAnonymous()), None),
        (lambda: TeeBackend(MemoryBackend(), MemoryBackend), "TeeBackend: copies must be a Backend, not <class"),
        (lambda: TeeBackend(42, MemoryBackend()), "TeeBackend: backend must be a Backend, not 42"),
        (lambda: TeeBackend(MemoryBackend(), MemoryBackend(), require=True), "did you mean required?"),
        (lambda: LimitBackend(MemoryBackend(), "1", 60), "LimitBackend: number must be a number, not '1'"),
        (lambda: LimitBackend(MemoryBackend(), 1, 60, clock=5), "LimitBackend: clock must be"),
        (lambda: RewriteBackend(Session()), "RewriteBackend: backend must be a Backend, not <txsmtpx"),
        (lambda: RewriteBackend(MemoryBackend(), recipient="@x"), "RewriteBackend: recipient must be"),
        (lambda: FilterBackend(MemoryBackend(), 5), "filters must be a FilterMaker or a ConfiguredFilter, not 5"),
        (lambda: FilterBackend(MemoryBackend(), print, hold="no"), "FilterBackend: hold must be True or False or None"),
        (lambda: Spamd(reject=10), "Spamd has no argument reject; did you mean reject_at?"),
        (lambda: Certificate(True), "Certificate: certificate must be text or a Path, not True"),
        (lambda: Certificate("c.pem", key=False), "Certificate: key must be text, a Path or None, not False"),
        (lambda: CertificateDirectory(5), "CertificateDirectory: path must be text or a Path, not 5"),
        (lambda: CertificateDirectory(".", domain=None), "CertificateDirectory: domain must be text, not None"),
        (lambda: ImplicitTLSEndpoint(Network(), None), "certificate must be a Certificate, not None"),
        (lambda: MXEndpoint(Clock(), None), "MXEndpoint: domain must be text, not None"),
        (lambda: PROXYEndpoint(5), "PROXYEndpoint: endpoint must be"),
        (lambda: BackendRealm(MemoryBackend), "BackendRealm: backend must be a Backend, not <class"),
        (lambda: PortalBackend(MemoryBackend()), "PortalBackend: portal must be a Portal, not <txsmtpx"),
        (lambda: MailServer(max_mesage_bytes=10), "did you mean max_message_bytes?"),
        (lambda: MailServer(tsl="starttls"), "MailServer has no argument tsl; did you mean tls?"),
        (lambda: MailServer(users=["secret"]), "MailServer: users must be a dict of text to text or None, not list"),
        (lambda: MailServer(users={"me": 5}), "MailServer: users must be a dict of text to text or None, not dict"),
        (lambda: MailServer(MemoryBackend()), None),
        (lambda: Conversation(max_recipient=1), "Conversation has no argument max_recipient; did you mean"),
        (lambda: Conversation(MemoryBackend), "not the class MemoryBackend: use MemoryBackend(...)"),
        (lambda: Link.to(MemoryBackend(), max_recipient=1), "Link.to has no argument max_recipient"),
        (lambda: Network.to(MemoryBackend(), max_recipient=1), "Network.to has no argument max_recipient"),
        (lambda: Network().client(lmpt=True), "Network.client has no argument lmpt; did you mean lmtp?"),
        (lambda: RecordingBackend(rctp=None), "RecordingBackend has no argument rctp; did you mean rcpt?"),
        (lambda: ScriptedServer(RPCT="250 Ok"), "ScriptedServer has no argument RPCT; did you mean RCPT?"),
        (lambda: ScriptedServer(rcpt="250 Ok"), "did you mean RCPT?"),
        (lambda: ScriptedServer(RCPT=250), "ScriptedServer: RCPT must be a reply"),
        (lambda: Script(offer=["SIZE"]), "Script has no argument offer; did you mean offers?"),
        (lambda: Script(offers="SIZE"), "ScriptedServer: offers must be a list of text, not 'SIZE'"),
    ],
)  # fmt: skip
def test_a_wrong_name_or_type_is_refused(make: Callable[[], object], error: str | None) -> None:
    if error is None:
        make()
    else:
        with pytest.raises(TypeError, match=re.escape(error)):
            make()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: relay(introduce="loudly"), "RelayBackend: introduce must be 'xforward', 'xclient' or 'nothing'"),
        (lambda: relay(tls="startls"), "tls is opportunistic, required, implicit or none, not 'startls'"),
        (lambda: MailServer(tls="startls"), "MailServer: tls must be 'starttls', 'implicit' or None, not 'startls'"),
        (lambda: MailServer(max_message_bytes=-1), "max_message_bytes"),
        (lambda: MailServer(tls="starttls", require_tls=True, bare_newlines="drop"), "bare_newlines"),
        (lambda: MailServer(require_tls=True), "require_tls needs a certificate"),
        (lambda: relay(domains=["@a.example"]), "domains must be domains, such as example.org, not '@a.example'"),
        (lambda: relay(domains=["a b"]), "domains must be domains, such as example.org, not 'a b'"),
        (lambda: relay(domains=[""]), "domains must be domains, such as example.org, not ''"),
        (lambda: RewriteBackend(MemoryBackend(), require=True), "give sender, recipient or both"),
        (lambda: relay(wait=float("nan")), "wait is a number from 0, not nan"),
        (lambda: relay(hold=-1), "hold is a number from 0, not -1"),
        (lambda: LimitBackend(MemoryBackend(), float("nan"), 60), "both more than 0, not nan in 60"),
        (lambda: Spamd(timeout=float("nan")), "timeout is a number of seconds above 0, not nan"),
        (lambda: Spamd(max_octets=-1), "max_octets is a number of octets from 0, not -1"),
        (lambda: Spamd(reject_at=float("nan")), "reject_at is a score or None, not nan"),
        (lambda: MXEndpoint(Clock(), "example.org", port=0), "0 is no port"),
        (lambda: MemoryBackend(max_octets=0), "max_octets: keep at least one, not 0"),
        (lambda: TransactionLog("none"), "TransactionLog: which must be 'all' or 'refused', not 'none'"),
    ],
)
def test_a_wrong_value_is_refused(make: Callable[[], object], error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        make()


def test_an_argument_that_is_missing_is_named_by_python() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'endpoints'"):
        RelayBackend()  # type: ignore[call-arg]


def test_a_function_keeps_its_name_and_signature() -> None:
    @checked
    def greet(name: str, times: int = 1) -> str:
        """Return a greeting."""
        return f"Hello {name}" * times

    assert greet("you", times=2) == "Hello youHello you"
    assert (greet.__name__, greet.__doc__) == ("greet", "Return a greeting.")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        (True, int, False),
        (1.5, int, False),
        (1, float, True),
        (False, float, False),
        ("a", str, True),
        (None, str | None, True),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (["a"], Sequence[str], True),
        (iter("a"), Iterable[str], True),
        (iter("a"), Sequence[str], False),
        ("a", Iterable[str], False),
        (Path("a"), str | PathLike[str], True),
        (b"a", str | PathLike[str], False),
        ({"a": "b"}, Mapping[str, int], False),
        ("a", Sequence[str], False),
        ([1], Sequence[str], False),
        ({"a"}, Sequence[str], False),
        ({"a"}, Collection[str], True),
        ({"a": 1}, Mapping[str, int], True),
        (["a"], Mapping[str, int], False),
        (("a", 1), tuple[str, int], True),
        (("a",), tuple[str, int], False),
        (print, Callable[[str], None], True),
        (1, Callable[[str], None], False),
        (Session, type[Session], True),
        (Session(), type[Session], False),
        (MemoryBackend(), BackendLike, True),
        (MemoryBackend, BackendLike, False),
        (MemoryBackend(), IBackend, True),
        (Session(), IBackend, False),
        (Reply(250, (2, 0, 0), "Ok"), Reply | None, True),
        (object(), object, True),
        (1, Any, True),
    ],
)
def test_what_fits(value: object, hint: object, expected: bool) -> None:
    assert fits(value, hint) is expected

    def take(argument: object, *arguments: object) -> None: ...

    take.__annotations__ = {"argument": hint, "arguments": hint}
    calls = {
        "argument": [partial(checked(take), value), partial(checked(take), argument=value)],
        "arguments": [partial(checked_except("argument")(take), object(), value)],
    }
    for name, call in ((name, call) for name, each in calls.items() for call in each):
        with nullcontext() if expected else pytest.raises((TypeError, ValueError), match=f"take: {name} must be"):
            call()


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int | None, "a whole number or None"),
        (Sequence[str], "a list of text"),
        (Mapping[str, str], "a dict of text to text"),
        (Callable[[], None], "a function"),
        (tuple[str, int], "(text, a whole number)"),
        (tuple[str, ...], "a list of text"),
        (BackendLike, "a Backend"),
        (IBackend, "an IBackend"),
        (Reply, "a Reply"),
    ],
)
def test_how_a_type_is_described(hint: object, words: str) -> None:
    assert described(hint) == words
