"""
The plugins that Twisted finds.

They are the command ``smtpx``, its backends by name, and the endpoint strings ``mx:`` and ``haproxy:`` for clients.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker
from twisted.cred.credentials import IAnonymous, IUsernameHashedPassword, IUsernamePassword

from txsmtpx.backends.plugins import BackendPlugin
from txsmtpx.filters.filter_plugins import FilterPlugin
from txsmtpx.logins.checkers import CheckerPlugin
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.oauth_bearer import IBearerToken
from txsmtpx.sasl.scram_proof import IScramProof
from txsmtpx.setting_kinds import Flag, Number, Score, Text
from txsmtpx.wire.mx import MXParser
from txsmtpx.wire.proxy_protocol_client import PROXYParser

smtpx = ServiceMaker("txsmtpx", "txsmtpx.tap", "An ESMTP and LMTP server", "smtpx")

epoll = Reactor("smtpx", "txsmtpx.wire.epoll_reactor", "epoll, with less between an event and a protocol")

log_backend = BackendPlugin(
    "log", "log", "accept all mail, log one line for each message, and discard it", "txsmtpx.backends.log.log_backend"
)
memory_backend = BackendPlugin(
    "memory",
    "memory[:NUMBER]",
    "accept all mail, and keep the newest 1000 (or NUMBER) messages in memory",
    "txsmtpx.backends.memory.memory_backend",
    takes_argument=True,
)
maildir_backend = BackendPlugin(
    "maildir",
    "maildir:PATH",
    "store mail in a Maildir; {domain} and {local} in PATH give each recipient one",
    "txsmtpx.backends.maildir.MaildirBackend",
    takes_argument=True,
)
scripted_backend = BackendPlugin(
    "scripted",
    "scripted[:NUMBER]",
    "as memory, but fail for addresses such as reject-550@x, slow-3s@x and drop@x; docs/testing.md lists them",
    "txsmtpx.backends.scripted.scripted_backend",
    takes_argument=True,
)
null_backend = BackendPlugin(
    "null",
    "null",
    "accept all mail, and discard it without a log line, for benchmarks",
    "txsmtpx.backends.null.null_backend",
)
relay_backend = BackendPlugin(
    "relay",
    "relay:ENDPOINT",
    "send each message on by SMTP; ENDPOINT,ENDPOINT... spreads them over servers",
    "txsmtpx.backends.relay.relay",
    takes_argument=True,
)
lmtp_backend = BackendPlugin(
    "lmtp",
    "lmtp:ENDPOINT",
    "send each message on by LMTP; ENDPOINT,ENDPOINT... spreads them over servers",
    "txsmtpx.backends.relay.relay_by_lmtp",
    takes_argument=True,
)

spamd_filter = FilterPlugin(
    "spamd",
    "spamd[:ENDPOINT]",
    "Ask SpamAssassin's daemon, at tcp:127.0.0.1:783 or ENDPOINT, and mark or reject spam.",
    "txsmtpx.filters.spamd.Spamd",
    (
        Score("reject_at", None, "Filters", "Reject a message with this score or more."),
        Flag("mark", True, "Filters", "Add the fields X-Spam-Flag and X-Spam-Status."),
        Text("user", "", "Filters", "Apply the preferences of this user.", "a name without spaces", "[!-~]*"),
        Number("max_octets", 512 * 1024, "Filters", "Accept a larger message unchecked.", "octets"),
    ),
)

mx_endpoint = MXParser()
proxy_endpoint = PROXYParser()

any_auth = CheckerPlugin(
    "any",
    "",
    "Accept each login, for development. The mechanisms are PLAIN, LOGIN, CRAM-MD5, OAUTHBEARER, XOAUTH2, EXTERNAL and "
    "ANONYMOUS. SCRAM is not offered, since its server proves that it knows the password.",
    "txsmtpx.logins.any_login.AnyLogin",
    (IUsernamePassword, IUsernameHashedPassword, IBearerToken, IClientCertificate, IAnonymous),
)
argon2_auth = CheckerPlugin(
    "argon2",
    "FILE",
    "Read a file of argon2id hashes, made by python -m txsmtpx.passwd.",
    "txsmtpx.logins.argon2_file.Argon2Checker",
    (IUsernamePassword,),
)
scram_auth = CheckerPlugin(
    "scram",
    "FILE",
    "Read a file of SCRAM verifiers, made by python -m txsmtpx.passwd.",
    "txsmtpx.logins.scram_file.ScramChecker",
    (IScramProof, IUsernamePassword),
)
certificate_auth = CheckerPlugin(
    "certificate",
    "",
    "Accept the user that a client certificate names, by AUTH EXTERNAL. --tls-client-ca has signed the certificate.",
    "txsmtpx.logins.client_certificate.CertificateChecker",
    (IClientCertificate,),
)
