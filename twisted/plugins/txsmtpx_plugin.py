"""What C{twistd} finds: the command C{smtpx}, and the backends it knows by name."""

from twisted.application.service import ServiceMaker

from txsmtpx.backends.plugin import BackendPlugin

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
