"""
txsmtpx: an ESMTP and LMTP client and server library for Twisted.

The public face: everything named here stays; so does everything that the modules below it document.

A name is imported when it is used for the first time (PEP 562), so that a server does not wait for the client, nor a
client for the server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from txsmtpx.backends.maildir import MaildirBackend
    from txsmtpx.backends.memory import MemoryBackend
    from txsmtpx.backends.relay import RelayBackend
    from txsmtpx.backends.session import LoginBackend, OpenBackend, Session
    from txsmtpx.content.header import Header
    from txsmtpx.dialog.client_result import Result
    from txsmtpx.dialog.extension import Extension, Verb
    from txsmtpx.dialog.observer import Observer
    from txsmtpx.dialog.settings import first_failure, first_success
    from txsmtpx.dialog.state import State
    from txsmtpx.errors import (
        BodyFailed,
        CommandCancelled,
        ConnectionAborted,
        Delivered,
        DeliveryError,
        EightBitContent,
        Fault,
        MessageTooBig,
        NetworkError,
        NotOffered,
        ProtocolError,
        RecipientsRefused,
        SMTPError,
        TLSFailed,
        TokenFailed,
    )
    from txsmtpx.grammar.domain import domain_key
    from txsmtpx.grammar.esmtp_parameter import Parameter
    from txsmtpx.grammar.mailbox import mailbox_key
    from txsmtpx.grammar.malformed import Malformed
    from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
    from txsmtpx.grammar.options import MailOptions, RcptOptions
    from txsmtpx.grammar.reply import Reply
    from txsmtpx.interfaces import (
        Accept,
        AddHeader,
        AddRecipient,
        ChangeSender,
        Connection,
        DataContext,
        DeleteHeader,
        DeleteRecipient,
        Discard,
        FilterFailed,
        IBackend,
        IBackendPlugin,
        IBindable,
        IClientPolicy,
        ICredentialsBackend,
        IDataContext,
        IExpandingSession,
        IFilter,
        IFilterPlugin,
        IMessage,
        InsertHeader,
        ISASLClient,
        ISASLServer,
        IServerObserver,
        ISession,
        IStore,
        IVerifyingSession,
        Message,
        Quarantine,
        RejectRecipient,
        ReplaceBody,
        ReplaceHeader,
        Results,
        StoreError,
        Summary,
    )
    from txsmtpx.logins.portal import BackendRealm, PortalBackend
    from txsmtpx.middleware.filter import ConfiguredFilter, Filter
    from txsmtpx.middleware.filter_backend import FilterBackend
    from txsmtpx.middleware.limit import LimitBackend
    from txsmtpx.middleware.measured_backend import MeasuredBackend
    from txsmtpx.middleware.middleware import Middleware
    from txsmtpx.middleware.middleware_context import MiddlewareContext
    from txsmtpx.middleware.middleware_session import MiddlewareSession
    from txsmtpx.middleware.rewrite import RewriteBackend
    from txsmtpx.middleware.tee import TeeBackend
    from txsmtpx.mx_tls.mx_security import MXSecurity
    from txsmtpx.mx_tls.sts_cache import STSCache
    from txsmtpx.mx_tls.sts_policies import MTASTS
    from txsmtpx.mx_tls.tls_policy_table import TLSPolicy
    from txsmtpx.mx_tls.tlsrpt_collector import TLSRPTCollector
    from txsmtpx.observers.transaction_log import TransactionLog
    from txsmtpx.queue.mail_queue import MailQueue
    from txsmtpx.queue.queue_backend import QueueBackend
    from txsmtpx.queue.queue_events import QueueEvent
    from txsmtpx.queue.queue_store import IQueueStore
    from txsmtpx.queue.route import Route
    from txsmtpx.queue.sqlite_queue_store import SQLiteQueueStore
    from txsmtpx.sasl.anonymous import Anonymous
    from txsmtpx.sasl.cram_md5 import CramMD5
    from txsmtpx.sasl.external import External
    from txsmtpx.sasl.login_mechanism import AuthLogin
    from txsmtpx.sasl.oauth_bearer import OAuthBearer, XOAuth2
    from txsmtpx.sasl.plain import Plain
    from txsmtpx.sasl.scram import Scram
    from txsmtpx.wire.assertion_key import AssertionKey
    from txsmtpx.wire.capacity import PoolBusy
    from txsmtpx.wire.certificate_directory import CertificateDirectory
    from txsmtpx.wire.client import SMTPClient
    from txsmtpx.wire.connect import connect, send_mail
    from txsmtpx.wire.factory import SMTPServerFactory
    from txsmtpx.wire.failover import AllServersFailed
    from txsmtpx.wire.implicit_tls import ImplicitTLSEndpoint
    from txsmtpx.wire.mx import DNSFailed, MXEndpoint, NoSuchDomain, NullMX
    from txsmtpx.wire.oauth2 import OAuth2
    from txsmtpx.wire.oauth2_tokens import OAuth2Tokens
    from txsmtpx.wire.pool import SMTPPool
    from txsmtpx.wire.proxy_protocol_client import PROXYEndpoint
    from txsmtpx.wire.server import SMTPServer
    from txsmtpx.wire.server_certificate import Certificate
    from txsmtpx.wire.service import SMTPService
    from txsmtpx.wire.timeouts import Timeouts

__version__ = "0.1.0"

__all__ = [
    "MTASTS", "Accept", "AddHeader", "AddRecipient", "AllServersFailed", "Anonymous", "AssertionKey", "AuthLogin",
    "BackendRealm", "BodyFailed", "Certificate", "CertificateDirectory", "ChangeSender", "CommandCancelled",
    "ConfiguredFilter", "Connection", "ConnectionAborted", "CramMD5", "DNSFailed", "DataContext", "DeleteHeader",
    "DeleteRecipient", "DeliverBy", "Delivered", "DeliveryError", "Discard", "EightBitContent", "Extension",
    "External", "Fault", "Filter", "FilterBackend", "FilterFailed", "Header", "IBackend", "IBackendPlugin",
    "IBindable", "IClientPolicy", "ICredentialsBackend", "IDataContext", "IExpandingSession", "IFilter",
    "IFilterPlugin", "IMessage", "IQueueStore", "ISASLClient", "ISASLServer", "IServerObserver", "ISession",
    "IStore", "IVerifyingSession", "ImplicitTLSEndpoint", "InsertHeader", "LimitBackend", "LoginBackend",
    "MXEndpoint", "MXSecurity", "MailOptions", "MailQueue", "MaildirBackend", "Malformed", "MeasuredBackend",
    "MemoryBackend", "Message", "MessageTooBig", "Middleware", "MiddlewareContext", "MiddlewareSession",
    "NetworkError", "NoSuchDomain", "NotOffered", "NullMX", "OAuth2", "OAuth2Tokens", "OAuthBearer", "Observer",
    "OpenBackend", "OriginalRecipient", "PROXYEndpoint", "Parameter", "Plain", "PoolBusy", "PortalBackend",
    "ProtocolError", "Quarantine", "QueueBackend", "QueueEvent", "RcptOptions", "RecipientsRefused",
    "RejectRecipient", "RelayBackend", "ReplaceBody", "ReplaceHeader", "Reply", "Result", "Results",
    "RewriteBackend", "Route", "SMTPClient", "SMTPError", "SMTPPool", "SMTPServer", "SMTPServerFactory",
    "SMTPService", "SQLiteQueueStore", "STSCache", "Scram", "Session", "State", "StoreError", "Summary",
    "TLSFailed", "TLSPolicy", "TLSRPTCollector", "TeeBackend", "Timeouts", "TokenFailed", "TransactionLog",
    "ValidSince", "Verb", "XOAuth2", "connect", "domain_key", "first_failure", "first_success", "mailbox_key",
    "send_mail",
]  # fmt: skip

_NAMES = {
    "txsmtpx.backends.maildir": ("MaildirBackend",),
    "txsmtpx.backends.memory": ("MemoryBackend",),
    "txsmtpx.backends.relay": ("RelayBackend",),
    "txsmtpx.backends.session": ("LoginBackend", "OpenBackend", "Session"),
    "txsmtpx.content.header": ("Header",),
    "txsmtpx.dialog.client_result": ("Result",),
    "txsmtpx.dialog.extension": ("Extension", "Verb"),
    "txsmtpx.dialog.observer": ("Observer",),
    "txsmtpx.dialog.settings": ("first_failure", "first_success"),
    "txsmtpx.dialog.state": ("State",),
    "txsmtpx.errors": (
        "BodyFailed", "CommandCancelled", "ConnectionAborted", "Delivered", "DeliveryError", "EightBitContent",
        "Fault", "MessageTooBig", "NetworkError", "NotOffered", "ProtocolError", "RecipientsRefused", "SMTPError",
        "TLSFailed", "TokenFailed",
    ),
    "txsmtpx.grammar.domain": ("domain_key",),
    "txsmtpx.grammar.esmtp_parameter": ("Parameter",),
    "txsmtpx.grammar.mailbox": ("mailbox_key",),
    "txsmtpx.grammar.malformed": ("Malformed",),
    "txsmtpx.grammar.option_value": ("DeliverBy", "OriginalRecipient", "ValidSince"),
    "txsmtpx.grammar.options": ("MailOptions", "RcptOptions"),
    "txsmtpx.grammar.reply": ("Reply",),
    "txsmtpx.interfaces": (
        "Accept", "AddHeader", "AddRecipient", "ChangeSender", "Connection", "DataContext", "DeleteHeader",
        "DeleteRecipient", "Discard", "FilterFailed", "IBackend", "IBackendPlugin", "IBindable", "IClientPolicy",
        "ICredentialsBackend", "IDataContext", "IExpandingSession", "IFilter", "IFilterPlugin", "IMessage",
        "InsertHeader", "ISASLClient", "ISASLServer", "IServerObserver", "ISession", "IStore", "IVerifyingSession",
        "Message", "Quarantine", "RejectRecipient", "ReplaceBody", "ReplaceHeader", "Results", "StoreError",
        "Summary",
    ),
    "txsmtpx.logins.portal": ("BackendRealm", "PortalBackend"),
    "txsmtpx.middleware.filter": ("ConfiguredFilter", "Filter"),
    "txsmtpx.middleware.filter_backend": ("FilterBackend",),
    "txsmtpx.middleware.limit": ("LimitBackend",),
    "txsmtpx.middleware.measured_backend": ("MeasuredBackend",),
    "txsmtpx.middleware.middleware": ("Middleware",),
    "txsmtpx.middleware.middleware_context": ("MiddlewareContext",),
    "txsmtpx.middleware.middleware_session": ("MiddlewareSession",),
    "txsmtpx.middleware.rewrite": ("RewriteBackend",),
    "txsmtpx.middleware.tee": ("TeeBackend",),
    "txsmtpx.mx_tls.mx_security": ("MXSecurity",),
    "txsmtpx.mx_tls.sts_cache": ("STSCache",),
    "txsmtpx.mx_tls.sts_policies": ("MTASTS",),
    "txsmtpx.mx_tls.tls_policy_table": ("TLSPolicy",),
    "txsmtpx.mx_tls.tlsrpt_collector": ("TLSRPTCollector",),
    "txsmtpx.observers.transaction_log": ("TransactionLog",),
    "txsmtpx.queue.mail_queue": ("MailQueue",),
    "txsmtpx.queue.queue_backend": ("QueueBackend",),
    "txsmtpx.queue.queue_events": ("QueueEvent",),
    "txsmtpx.queue.queue_store": ("IQueueStore",),
    "txsmtpx.queue.route": ("Route",),
    "txsmtpx.queue.sqlite_queue_store": ("SQLiteQueueStore",),
    "txsmtpx.sasl.anonymous": ("Anonymous",),
    "txsmtpx.sasl.cram_md5": ("CramMD5",),
    "txsmtpx.sasl.external": ("External",),
    "txsmtpx.sasl.login_mechanism": ("AuthLogin",),
    "txsmtpx.sasl.oauth_bearer": ("OAuthBearer", "XOAuth2"),
    "txsmtpx.sasl.plain": ("Plain",),
    "txsmtpx.sasl.scram": ("Scram",),
    "txsmtpx.wire.assertion_key": ("AssertionKey",),
    "txsmtpx.wire.capacity": ("PoolBusy",),
    "txsmtpx.wire.certificate_directory": ("CertificateDirectory",),
    "txsmtpx.wire.client": ("SMTPClient",),
    "txsmtpx.wire.connect": ("connect", "send_mail"),
    "txsmtpx.wire.factory": ("SMTPServerFactory",),
    "txsmtpx.wire.failover": ("AllServersFailed",),
    "txsmtpx.wire.implicit_tls": ("ImplicitTLSEndpoint",),
    "txsmtpx.wire.mx": ("DNSFailed", "MXEndpoint", "NoSuchDomain", "NullMX"),
    "txsmtpx.wire.oauth2": ("OAuth2",),
    "txsmtpx.wire.oauth2_tokens": ("OAuth2Tokens",),
    "txsmtpx.wire.pool": ("SMTPPool",),
    "txsmtpx.wire.proxy_protocol_client": ("PROXYEndpoint",),
    "txsmtpx.wire.server": ("SMTPServer",),
    "txsmtpx.wire.server_certificate": ("Certificate",),
    "txsmtpx.wire.service": ("SMTPService",),
    "txsmtpx.wire.timeouts": ("Timeouts",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

if not TYPE_CHECKING:  # for a type checker, any attribute would exist

    def __getattr__(name):
        """Import a public name."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return value


def __dir__() -> list[str]:
    """Return the names that are imported or can be."""
    return sorted({*globals(), *__all__})
