"""What users of the web inbox may do with a message beyond reading it: requests to other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import IReactorTime

from txsmtpx.command.groups.listening import NETWORK
from txsmtpx.command.kind import Kind
from txsmtpx.command.option import Values, option, repeated
from txsmtpx.command.sockets import Sockets
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.interfaces import Reactor

if TYPE_CHECKING:
    from txsmtpx.inbox.message_tools import MessageTools

PUBLIC = "public"
"""The value for all public addresses."""


def _network(text: str) -> str:
    if text == PUBLIC:
        return text
    try:
        return NETWORK.read(text)
    except ValueError as error:
        raise ValueError(str(error).replace("must be a network,", f"must be {PUBLIC}, or a network,")) from error


REMOTE = repeated(
    "web-remote",
    Kind("NETWORK", (str,), _network),
    "Let users of the web inbox show images of other hosts and check links.  The server sends requests to a network, "
    "such as 127.0.0.1, or to all public addresses: public.",
    about="process",
)
SPAM = option(
    "web-spam",
    Kind("TYPE:ENDPOINT", (str,), str),
    "Let users of the web inbox ask for the spam score of a message.  spamd:ENDPOINT asks SpamAssassin, and rspamd:URL "
    "asks rspamd, such as rspamd:http://127.0.0.1:11333.",
    None,
    about="process",
)

CHROMIUM = option(
    "web-chromium",
    Kind("PROGRAM", (str,), str),
    "Let users of the web inbox make pictures of the HTML of a message, with this program, such as chromium.",
    None,
    about="process",
)

EXAMINING = (REMOTE, SPAM, CHROMIUM)
"""All these options."""


def tools_of(values: Values, reactor: Sockets) -> MessageTools:
    """
    Make what the options allow.

    Args:
        values: The values of the options.
        reactor: The reactor.

    Returns:
        The tools.

    Raises:
        OptionError: A value cannot be used, or an extra is missing.
    """
    from txsmtpx.inbox.message_tools import MessageTools
    from txsmtpx.inbox.remote_client import RemoteClient
    from txsmtpx.inbox.remote_html import RemoteHtml
    from txsmtpx.inbox.screenshot import Screenshots
    from txsmtpx.inbox.spam_check import spam_check

    remote = spam = screenshots = None
    networks = values[REMOTE]
    if networks:
        try:
            remote = RemoteClient(cast(IReactorTime, reactor), networks)
        except ImportError as error:
            raise REMOTE.fault(networks, f"{error}; pip install 'txsmtpx[http]'") from error
    description = values[SPAM]
    if description is not None:
        try:
            spam = spam_check(cast(Reactor, reactor), description)
        except ImportError as error:
            raise SPAM.fault(description, f"{error}; pip install 'txsmtpx[http]'") from error
        except ValueError as error:
            raise SPAM.fault(description, str(error)) from error
    program = values[CHROMIUM]
    if program is not None:
        try:
            screenshots = Screenshots(cast(IInboxReactor, reactor), program)
        except ValueError as error:
            raise CHROMIUM.fault(program, str(error)) from error
    return MessageTools(remote, spam, None if remote is None else RemoteHtml(remote), screenshots)
