"""The POP3 port of the web inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.cred.checkers import ICredentialsChecker

from txsmtpx.command.groups.listening import port_of
from txsmtpx.command.kind import LOOPBACK_ENDPOINT
from txsmtpx.command.option import Option, Values, option
from txsmtpx.command.process import Process
from txsmtpx.wire.server_certificate import Certificate

if TYPE_CHECKING:
    from txsmtpx.inbox.inbox_service import InboxService

POP3_PORT: Option[str | None] = option(
    "web-pop3",
    LOOPBACK_ENDPOINT,
    "Let POP3 clients read and delete the mail of the web inbox on this endpoint.  The logins are those of --web-auth; "
    "without it, each login from this host is accepted.  A number is a port of the loopback interface.",
    None,
    about="process",
)


def add_pop3(
    values: Values,
    process: Process,
    service: InboxService,
    checker: ICredentialsChecker | None,
    certificate: Certificate | None,
) -> None:
    """
    Have the web inbox listen for POP3 clients, if the option asks for it.

    Args:
        values: The values of the options.
        process: The process.
        service: The web inbox.
        checker: It checks the logins; None without ``--web-auth``.
        certificate: The certificate of the mail server, for STLS; None for none.

    Raises:
        OptionError: The endpoint cannot be used.
    """
    description = values[POP3_PORT]
    if description is None:
        return
    port = port_of(values, process.reactor, POP3_PORT, description)
    process.add_site(port, service.add_pop3(description, checker, certificate))
