"""
The plugins that Twisted finds.

They are the command ``smtpx``, its backends by name, and the endpoint strings ``mx:`` and ``haproxy:`` for clients.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker
from twisted.cred.credentials import IUsernamePassword

from txsmtpx.backends.plugins import BackendPlugin
from txsmtpx.logins.checkers import CheckerPlugin
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.scram_proof import IScramProof
from txsmtpx.wire.mx import MXParser
from txsmtpx.wire.proxy_protocol_client import PROXYParser

smtpx = ServiceMaker("txsmtpx", "txsmtpx.tap", "An ESMTP and LMTP server", "smtpx")

epoll = Reactor("smtpx", "txsmtpx.wire.epoll_reactor", "epoll, with less between an event and a protocol")

log_backend = BackendPlugin(
    "log", "log", "one line a message; takes everything, keeps nothing", "txsmtpx.backends.log.log_backend"
)
memory_backend = BackendPlugin(
    "memory",
    "memory[:NUMBER]",
    "keeps the newest messages in memory, 1000 of them or NUMBER",
    "txsmtpx.backends.memory.memory_backend",
    takes_argument=True,
)
maildir_backend = BackendPlugin(
    "maildir",
    "maildir:PATH",
    "a Maildir, or with {domain} and {local} in PATH one a recipient",
    "txsmtpx.backends.maildir.MaildirBackend",
    takes_argument=True,
)
null_backend = BackendPlugin(
    "null", "null", "takes everything, looks at nothing, for benchmarks", "txsmtpx.backends.null.null_backend"
)
relay_backend = BackendPlugin(
    "relay",
    "relay:ENDPOINT",
    "goes straight on by SMTP; ENDPOINT,ENDPOINT... takes turns",
    "txsmtpx.backends.relay.relay",
    takes_argument=True,
)
lmtp_backend = BackendPlugin(
    "lmtp",
    "lmtp:ENDPOINT",
    "goes straight on by LMTP; ENDPOINT,ENDPOINT... takes turns",
    "txsmtpx.backends.relay.relay_by_lmtp",
    takes_argument=True,
)
mx_endpoint = MXParser()
proxy_endpoint = PROXYParser()

argon2_auth = CheckerPlugin(
    "argon2",
    "FILE",
    "a file of argon2id hashes, made by python -m txsmtpx.passwd",
    "txsmtpx.logins.argon2_file.Argon2Checker",
    (IUsernamePassword,),
)
scram_auth = CheckerPlugin(
    "scram",
    "FILE",
    "a file of SCRAM verifiers, made by python -m txsmtpx.passwd",
    "txsmtpx.logins.scram_file.ScramChecker",
    (IScramProof, IUsernamePassword),
)
certificate_auth = CheckerPlugin(
    "certificate",
    "",
    "whoever shows a certificate that --tls-client-ca has signed is who it says",
    "txsmtpx.logins.client_certificate.CertificateChecker",
    (IClientCertificate,),
)
