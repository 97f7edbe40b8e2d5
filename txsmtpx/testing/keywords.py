"""
The keyword arguments that helpers for tests pass on, as types.

A test compares them with the functions that take them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    extensions: Sequence[Extension]
    without: Collection[str]
    eight_bit: EightBit


class ClientKeywords(ConnectionKeywords, total=False):
    """The keyword arguments of `txsmtpx.connect`."""

    reactor: Reactor | None


_Plain: TypeAlias = str | bytes | Iterator[str] | None

Answer: TypeAlias = _Plain | Callable[[str], _Plain]
"""One prepared reply; see `txsmtpx.testing.ScriptedServer`."""

Answers: TypeAlias = Answer | Sequence[Answer]
"""A prepared reply, or a list of them, one for each command."""


class AnswerKeywords(TypedDict, total=False):
    """The prepared replies by verb; GREETING: the greeting; END: the end of a message; PROXY: the header of a proxy."""

    GREETING: Answers
    END: Answers
    HELO: Answers
    EHLO: Answers
    LHLO: Answers
    MAIL: Answers
    RCPT: Answers
    DATA: Answers
    BDAT: Answers
    RSET: Answers
    NOOP: Answers
    VRFY: Answers
    EXPN: Answers
    HELP: Answers
    QUIT: Answers
    STARTTLS: Answers
    AUTH: Answers
    XCLIENT: Answers
    XFORWARD: Answers
    PROXY: Answers


class ScriptKeywords(AnswerKeywords, total=False):
    """The keyword arguments of `txsmtpx.testing.ScriptedServer`."""

    offers: Sequence[str]
    lmtp: bool
    tls: object
    says: int | None
    hears: int | None
    hasty: bool
    answers: Mapping[str, Answers] | None
