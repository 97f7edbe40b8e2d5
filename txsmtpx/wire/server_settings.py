"""
The settings of a server that the wire reads, and the type of all its settings together.

Those that the dialog reads are declared in `txsmtpx.dialog.settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Protocol, TypedDict

from twisted.protocols.tls import TLSMemoryBIOProtocol

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.settings import DECLARED as OF_DIALOG
from txsmtpx.dialog.settings import OutcomePolicy
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import BareNewlines
from txsmtpx.interfaces import Policy, Reactor, ServerObserverLike
from txsmtpx.setting import Setting
from txsmtpx.setting_kinds import Number, Seconds, Several, takes
from txsmtpx.wire.transcript_recorder import Transcript


class ContextFactory(Protocol):
    """The older way of Twisted to configure TLS; `twisted.internet.ssl.CertificateOptions` is one."""

    def getContext(self) -> object:
        """
        Return the context.

        Returns:
            An ``OpenSSL.SSL.Context``.
        """


class TLSCreator(Protocol):
    """The newer way of Twisted to configure TLS (`IOpenSSLServerConnectionCreator`); `txsmtpx.Certificate` is one."""

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol, /) -> object:
        """
        Create the state of one connection.

        Args:
            protocol: The protocol of Twisted that uses it.

        Returns:
            An ``OpenSSL.SSL.Connection``.
        """


Network = str | IPv4Network | IPv6Network | IPv4Address | IPv6Address
"""A network of proxies, or the address of one."""

ServerTLS = ContextFactory | TLSCreator
"""A configuration of TLS for a server."""


@dataclass(frozen=True)
class TranscriptSetting(Setting[Transcript | bool]):
    """A setting that is a flag or a `Transcript`."""

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return "True, False or a function of three arguments: session id, speaker, line"

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is neither a bool nor a function of three arguments.
        """
        if not isinstance(value, bool) and not takes(value, 3):
            raise self.wrong_type(value)


EXTENSIONS: Several[Iterable[Extension] | None] = Several(
    "extensions",
    None,
    "Protocol",
    "Offer these extensions; None: all that the library and the backend implement.",
    "a list of extensions, such as [*EXTENSIONS, DSN], or None",
    (Extension,),
)
WITHOUT_MECHANISMS: Several[Iterable[str]] = Several(
    "without_mechanisms",
    (),
    "Authentication",
    "The SASL mechanisms that are neither offered nor accepted, such as LOGIN.",
    "a set of names, such as {'LOGIN'}",
)
TRUSTED_NETWORKS: Several[Iterable[Network]] = Several(
    "trusted_networks",
    (),
    "Proxies",
    "The networks of proxies whose XCLIENT and XFORWARD commands count, such as 10.0.0.0/8.",
    "a list of networks, such as ['10.0.0.0/8']",
    (str, IPv4Network, IPv6Network, IPv4Address, IPv6Address),
)
# Postfix: smtpd_client_connection_count_limit = 50 from one client.  Exim: smtp_accept_max = 20.  go-smtp: no limit.
MAX_CONNECTIONS = Number(
    "max_connections", 0, "Limits", "Reply 421 to connections beyond N at a time (0: no limit)."
)
MAX_CONNECTIONS_PER_HOST = Number(
    "max_connections_per_host",
    0,
    "Limits",
    "Reply 421 to connections beyond N at a time from one IPv4 address or IPv6 /64 network (0: no limit).",
)
# RFC 5321 §4.5.3.2.7: at least five minutes.  Postfix: smtpd_timeout = 300s.  Exim: smtp_receive_timeout = 5m.
READ_TIMEOUT = Seconds(
    "read_timeout",
    300,
    "Time-outs",
    "Disconnect a client that sends nothing for N seconds (0: never, RFC 5321 §4.5.3.2.7: at least 300).",
)
WRITE_TIMEOUT = Seconds(
    "write_timeout", 300, "Time-outs", "Disconnect a client that does not read replies for N seconds (0: never)."
)
MESSAGE_TIMEOUT = Seconds(
    "message_timeout",
    3600,
    "Time-outs",
    "Disconnect a client whose message is not complete N seconds after it began (0: never).",
)
GREETING_DELAY = Seconds(
    "greeting_delay",
    0,
    "Time-outs",
    "Send the greeting after N seconds; clients that send before it are disconnected (RFC 5321 §3.1).",
)
SHUTDOWN_TIMEOUT = Seconds(
    "shutdown_timeout", 30, "Time-outs", "Abort transactions that are open N seconds after the server begins to stop."
)
TRANSCRIPT = TranscriptSetting("transcript", False, "Logs", "Log every line both ways, without credentials.")

DECLARED: tuple[Setting[object], ...] = (
    EXTENSIONS,
    WITHOUT_MECHANISMS,
    TRUSTED_NETWORKS,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_HOST,
    READ_TIMEOUT,
    WRITE_TIMEOUT,
    MESSAGE_TIMEOUT,
    GREETING_DELAY,
    TRANSCRIPT,
)
"""The settings that `txsmtpx.SMTPServerFactory` checks itself, each of which is a keyword argument of it."""

BY_NAME: dict[str, Setting[object]] = {each.name: each for each in (*OF_DIALOG, *DECLARED, SHUTDOWN_TIMEOUT)}
"""All settings of a server, by name."""


class BasicServerKeywords(TypedDict, total=False):
    """The keyword arguments of `txsmtpx.SMTPServerFactory`, but ``tls``, ``require_auth`` and ``reactor``."""

    domain: str
    lmtp: bool
    extensions: Iterable[Extension] | None
    require_tls: bool
    allow_insecure_auth: bool
    without_mechanisms: Iterable[str]
    max_auth_failures: int
    auth_failure_delay: float
    ident: str
    bare_newlines: BareNewlines
    trusted_networks: Iterable[Network]
    max_message_bytes: int
    max_recipients: int
    max_transactions: int
    max_recipient_domains: int
    max_errors: int
    max_line_length: int
    max_connections: int
    max_connections_per_host: int
    read_timeout: float
    write_timeout: float
    message_timeout: float
    delivery_timeout: float
    greeting_delay: float
    outcome_policy: OutcomePolicy
    delivery_timed_out: Callable[[str], Reply]
    deliver_by_minimum: int
    priority_profile: str
    max_hold: int
    now: Callable[[], float]
    transcript: Transcript | bool
    policy: Policy | None
    observers: Iterable[ServerObserverLike]


class ServerKeywords(BasicServerKeywords, total=False):
    """
    The keyword arguments of `txsmtpx.SMTPServerFactory`.

    Functions that pass them on have ``**settings: Unpack[ServerKeywords]``.
    """

    tls: ServerTLS | None
    require_auth: bool
    reactor: Reactor | None
