"""
The keyword arguments that helpers for tests pass on, as types.

A test compares them with the functions that take them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypedDict

from twisted.internet.ssl import PrivateCertificate

from txsmtpx.dialog.demands import EightBit
from txsmtpx.dialog.extension import Extension
from txsmtpx.interfaces import Reactor
from txsmtpx.wire.client_settings import Auth, TLSMode
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.server_settings import BasicServerKeywords, ServerTLS
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript_recorder import Transcript


class InMemoryServerKeywords(BasicServerKeywords, total=False):
    """The keyword arguments of `txsmtpx.SMTPServerFactory`, but its clock."""

    tls: ServerTLS | None
    require_auth: bool


class ConnectionKeywords(TypedDict, total=False):
    """The keyword arguments of `txsmtpx.connect`, but its clock."""

    lmtp: bool
    tls: TLSMode | None
    auth: Auth | None
    auth_optional: bool
    hostname: str
    domain: str
    timeouts: Timeouts | float | None
    trust_roots: TrustRoots | None
    tls_verify: bool
    client_certificate: PrivateCertificate | None
    allow_insecure_auth: bool
    transcript: Transcript | bool
    extensions: Iterable[Extension]
    without: Iterable[str]
    eight_bit: EightBit


class ClientKeywords(ConnectionKeywords, total=False):
    """The keyword arguments of `txsmtpx.connect`."""

    reactor: Reactor | None


_Plain: TypeAlias = str | bytes | Iterator[str] | None

PreparedReply: TypeAlias = _Plain | Callable[[str], _Plain]
"""One prepared reply; see `txsmtpx.testing.ScriptedServer`."""

Replies: TypeAlias = PreparedReply | Sequence[PreparedReply]
"""A prepared reply, or a list of them, one for each command."""


class ReplyKeywords(TypedDict, total=False):
    """The prepared replies by verb; GREETING: the greeting; END: the end of a message; PROXY: the header of a proxy."""

    GREETING: Replies
    END: Replies
    HELO: Replies
    EHLO: Replies
    LHLO: Replies
    MAIL: Replies
    RCPT: Replies
    DATA: Replies
    BDAT: Replies
    RSET: Replies
    NOOP: Replies
    VRFY: Replies
    EXPN: Replies
    HELP: Replies
    QUIT: Replies
    STARTTLS: Replies
    AUTH: Replies
    XCLIENT: Replies
    XFORWARD: Replies
    PROXY: Replies


class ScriptKeywords(ReplyKeywords, total=False):
    """The keyword arguments of `txsmtpx.testing.ScriptedServer`."""

    offers: Sequence[str]
    lmtp: bool
    tls: ServerTLS | None
    close_after_sent: int | None
    close_after_received: int | None
    early_bdat_reply: bool
    replies: Mapping[str, Replies] | None
