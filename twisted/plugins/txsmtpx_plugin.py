"""What Twisted finds: the command C{smtpx}, the backends it knows by name, and the endpoint string C{mx:}."""

from twisted.application.service import ServiceMaker

from txsmtpx.backends.plugin import BackendPlugin
from txsmtpx.wire.mx import MXParser

smtpx = ServiceMaker("txsmtpx", "txsmtpx.tap", "An ESMTP and LMTP server", "smtpx")

log_backend = BackendPlugin(
    "log", "log", "one line a message; takes everything, keeps nothing", "txsmtpx.backends.log.log_backend"
)
memory_backend = BackendPlugin(
    "memory", "memory", "keeps messages in memory, for tests", "txsmtpx.backends.memory.MemoryBackend"
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
