"""
txsmtpx: an ESMTP and LMTP client and server library for Twisted.

The public face: everything named here stays; so does everything that the modules below it document.
"""

from txsmtpx.backends.maildir import MaildirBackend
from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.backends.portal import BackendRealm, PortalBackend
from txsmtpx.backends.session import LoginBackend, OpenBackend, Session
from txsmtpx.dialog.connection import Connection
from txsmtpx.dialog.settings import first_failure, first_success
from txsmtpx.errors import NotOffered, ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.extensions.extension import Extension, State, Verb
from txsmtpx.grammar.options import MailOptions, Parameter, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    IBackend,
    IBackendPlugin,
    ICredentialsBackend,
    IDataContext,
    IMessage,
    ISASLClient,
    ISASLServer,
    ISession,
)
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.server import SMTPServer
from txsmtpx.wire.service import SMTPService
from txsmtpx.wire.tls import Certificate

__version__ = "0.1.0"

__all__ = [
    "BackendRealm",
    "Certificate",
    "Connection",
    "Extension",
    "IBackend",
    "IBackendPlugin",
    "ICredentialsBackend",
    "IDataContext",
    "IMessage",
    "ISASLClient",
    "ISASLServer",
    "ISession",
    "LoginBackend",
    "MailOptions",
    "MaildirBackend",
    "MemoryBackend",
    "NotOffered",
    "OpenBackend",
    "Parameter",
    "PortalBackend",
    "ProtocolError",
    "RcptOptions",
    "RecipientsRefused",
    "Reply",
    "SMTPError",
    "SMTPServer",
    "SMTPServerFactory",
    "SMTPService",
    "Session",
    "State",
    "Verb",
    "first_failure",
    "first_success",
]
