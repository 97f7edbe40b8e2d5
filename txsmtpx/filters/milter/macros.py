"""
The macros of a milter: names and values of what the server knows, sent before the command of each stage.

The names, the stages and the values are those of Postfix.  A filter may name other macros for a stage when it
negotiates.  A macro without a value is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Protocol, cast

from twisted.internet.address import IPv4Address, IPv6Address

from txsmtpx.filters.milter.negotiation import MacroStage
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import Connection
from txsmtpx.interfaces.connection import TLS

UNKNOWN = "unknown"
"""The name of a client without one, as Postfix writes it."""

MAILER = "smtp"
"""The mailer of every address: the milter must not depend on how the backend delivers."""

TLS_MACROS = (b"{tls_version}", b"{cipher}", b"{cipher_bits}", b"{cert_subject}", b"{cert_issuer}")

BY_STAGE: Mapping[MacroStage, tuple[bytes, ...]] = {
    MacroStage.CONNECT: (
        b"j", b"_", b"v", b"{daemon_name}", b"{daemon_addr}", b"{daemon_port}",
        b"{client_addr}", b"{client_name}", b"{client_port}", b"{client_ptr}", b"{client_resolve}",
    ),
    MacroStage.HELLO: TLS_MACROS,
    MacroStage.MAIL: (
        b"i", b"{auth_type}", b"{auth_authen}", b"{auth_author}", b"{mail_addr}", b"{mail_host}", b"{mail_mailer}",
    ),
    MacroStage.RECIPIENT: (b"i", b"{rcpt_addr}", b"{rcpt_host}", b"{rcpt_mailer}"),
    MacroStage.DATA: (b"i",),
    MacroStage.END_OF_HEADER: (b"i",),
    MacroStage.END_OF_MESSAGE: (b"i",),
}  # fmt: skip
"""The macros of each stage, for a filter that does not choose."""


@dataclass
class MacroSource:
    """
    What macros are about.  `txsmtpx.filters.milter.milter_filter.MilterFilter` keeps one.

    Attributes:
        connection: The connection of the client.
        daemon_name: The name of the server; ``""`` for its domain.
        queue_id: The identifier of the transaction; ``""`` until it is known.
        sender: The sender; None without a transaction.
        options: The parameters of MAIL.
        recipient: The recipient of the present RCPT; None without one.
    """

    connection: Connection
    daemon_name: str = ""
    queue_id: str = ""
    sender: str | None = None
    options: MailOptions | None = None
    recipient: str | None = None

    @property
    def client_name(self) -> str:
        """The confirmed host name of the client, by XCLIENT or `txsmtpx.filters.reverse_dns`; ``""`` without one."""
        found = self.connection.results.get(ReverseName)
        return self.connection.xclient.get("NAME", "") or ("" if found is None else found.confirmed)

    @property
    def claimed_name(self) -> str:
        """The host name in the PTR record of the client, which may be forged; ``""`` without one."""
        found = self.connection.results.get(ReverseName)
        return found.names[0] if found is not None and found.names else self.client_name

    def reset(self) -> None:
        """Forget the transaction."""
        self.queue_id, self.sender, self.options, self.recipient = "", None, None, None

    def macros(self, stage: MacroStage, wanted: Mapping[int, tuple[bytes, ...]]) -> list[tuple[bytes, bytes]]:
        """
        Return the macros for a stage.

        Args:
            stage: The stage.
            wanted: The names that the filter has chosen, by stage.

        Returns:
            Names and values.  Unknown names, and macros without a value, are left out.
        """
        found = []
        for name in wanted.get(stage, BY_STAGE[stage]):
            value = _VALUES[name](self) if name in _VALUES else None
            if value is not None:
                found.append((name, value.encode("utf-8", "replace")))
        return found


class _Name(Protocol):
    """The subject or the issuer of a certificate, as pyOpenSSL has it."""

    @property
    def CN(self) -> str | None: ...


class _Certificate(Protocol):
    def get_subject(self) -> _Name: ...

    def get_issuer(self) -> _Name: ...


@cache
def _program() -> str:
    return f"txsmtpx {version('txsmtpx')}"


def _tls(value: Callable[[TLS], str | None]) -> Callable[[MacroSource], str | None]:
    return lambda source: None if source.connection.tls is None else value(source.connection.tls)


def _certificate(value: Callable[[_Certificate], _Name]) -> Callable[[MacroSource], str | None]:
    return _tls(lambda tls: value(cast(_Certificate, tls.peer_certificate)).CN if tls.verified else None)


def _host_of(address: str | None) -> str | None:
    return None if address is None else address.rpartition("@")[2]


def _underscore(source: MacroSource) -> str:
    claimed = source.claimed_name
    forged = " (may be forged)" if claimed != source.client_name else ""
    return f"{claimed or UNKNOWN} [{source.connection.peer_host or UNKNOWN}]{forged}"


def _resolved(source: MacroSource) -> str:
    if source.client_name:
        return "OK"
    found = source.connection.results.get(ReverseName)
    if found is not None and found.failed:
        return "TEMP"
    return "FORGED" if source.claimed_name else "FAIL"


def _client_address(source: MacroSource) -> str:
    """Return the address as RFC 5321 §4.1.3 writes it, without brackets."""
    host = source.connection.peer_host
    return f"IPv6:{host}" if ":" in host else host or UNKNOWN


def _daemon(value: Callable[[IPv4Address | IPv6Address], object]) -> Callable[[MacroSource], str | None]:
    def of(source: MacroSource) -> str | None:
        host = source.connection.host
        return str(value(host)) if isinstance(host, IPv4Address | IPv6Address) else None

    return of


_VALUES: Mapping[bytes, Callable[[MacroSource], str | None]] = {
    b"j": lambda source: source.connection.domain,
    b"_": _underscore,
    b"v": lambda source: _program(),
    b"i": lambda source: source.queue_id or None,
    b"{daemon_name}": lambda source: source.daemon_name or source.connection.domain,
    b"{daemon_addr}": _daemon(lambda host: host.host),
    b"{daemon_port}": _daemon(lambda host: host.port),
    b"{client_addr}": _client_address,
    b"{client_name}": lambda source: source.client_name or UNKNOWN,
    b"{client_port}": lambda source: str(source.connection.peer_port),
    b"{client_ptr}": lambda source: source.claimed_name or UNKNOWN,
    b"{client_resolve}": _resolved,
    b"{tls_version}": _tls(lambda tls: tls.version),
    b"{cipher}": _tls(lambda tls: tls.cipher),
    b"{cipher_bits}": _tls(lambda tls: str(tls.cipher_bits)),
    b"{cert_subject}": _certificate(lambda certificate: certificate.get_subject()),
    b"{cert_issuer}": _certificate(lambda certificate: certificate.get_issuer()),
    b"{auth_type}": lambda source: source.connection.mechanism,
    b"{auth_authen}": lambda source: source.connection.username,
    b"{auth_author}": lambda source: (source.options.auth if source.options is not None else None) or None,
    b"{mail_addr}": lambda source: source.sender,
    b"{mail_host}": lambda source: _host_of(source.sender),
    b"{mail_mailer}": lambda source: None if source.sender is None else MAILER,
    b"{rcpt_addr}": lambda source: source.recipient,
    b"{rcpt_host}": lambda source: _host_of(source.recipient),
    b"{rcpt_mailer}": lambda source: None if source.recipient is None else MAILER,
}
