"""
The plugins that Twisted finds.

They are the command ``smtpx``, its backends by name, and the endpoint strings ``mx:`` and ``haproxy:`` for clients.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker
from twisted.cred.credentials import IAnonymous, IUsernameHashedPassword, IUsernamePassword

from txsmtpx.backends import redis_settings
from txsmtpx.backends.amqp_settings import SETTINGS as AMQP_SETTINGS
from txsmtpx.backends.http_settings import SETTINGS as HTTP_SETTINGS
from txsmtpx.backends.plugins import BackendPlugin
from txsmtpx.filters.filter_plugins import FilterPlugin
from txsmtpx.inbox.inbox_settings import SETTINGS as INBOX_SETTINGS
from txsmtpx.logins.checkers import CheckerPlugin
from txsmtpx.logins.dovecot_exchange import IDovecotLogin
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.oauth_bearer import IBearerToken
from txsmtpx.sasl.scram_proof import IScramProof
from txsmtpx.setting_kinds import Choice, Flag, Number, Score, Seconds, Several, Text
from txsmtpx.wire.mx_parser import MXParser
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
inbox_backend = BackendPlugin(
    "inbox",
    "inbox:PATH",
    "accept all mail, and keep the newest messages in a file, for --web",
    "txsmtpx.inbox.inbox_backend.InboxBackend",
    takes_argument=True,
    settings=INBOX_SETTINGS,
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
http_backend = BackendPlugin(
    "http",
    "http:URL",
    "send each message to a web application; {domain} and {local} in URL are those of each recipient",
    "txsmtpx.backends.http.HTTPBackend",
    takes_argument=True,
    settings=HTTP_SETTINGS,
)
redis_backend = BackendPlugin(
    "redis",
    "redis://HOST",
    "add each message to a stream of Redis; redis:rediss://HOST with TLS, redis:unix:PATH at a socket",
    "txsmtpx.backends.redis.RedisBackend",
    takes_argument=True,
    settings=redis_settings.OF_BACKEND,
)
amqp_backend = BackendPlugin(
    "amqp",
    "amqp:URL",
    "publish each message to RabbitMQ; URL is amqp://USER:PASSWORD@HOST/VHOST, or amqps: for TLS",
    "txsmtpx.backends.amqp.AMQPBackend",
    takes_argument=True,
    settings=AMQP_SETTINGS,
)
queue_backend = BackendPlugin(
    "queue",
    "queue:URL",
    "store each message, and deliver it with retries; URL is sqlite:PATH or postgresql://HOST/DATABASE",
    "txsmtpx.queue.queue_backend.queue_backend",
    takes_argument=True,
)

spamd_filter = FilterPlugin(
    "spamd",
    "spamd[:ENDPOINT]",
    "Ask SpamAssassin's daemon, at tcp:127.0.0.1:783 or ENDPOINT, and mark or reject spam.",
    "txsmtpx.filters.spamd.spamd",
    (
        Score("reject_at", None, "Filters", "Reject a message with this score or more."),
        Flag("mark", True, "Filters", "Add the fields X-Spam-Flag and X-Spam-Status."),
        Text("user", "", "Filters", "Apply the preferences of this user.", "a name without spaces", "[!-~]*"),
        Number("max_octets", 512 * 1024, "Filters", "Accept a larger message unchecked.", "octets"),
        Seconds("timeout", 60, "Filters", "Wait this long for the connection, and for the answer.", zero=False),
    ),
)
milter_filter = FilterPlugin(
    "milter",
    "milter:ENDPOINT",
    "Ask a milter, such as opendkim at unix:/run/opendkim/opendkim.sock or rspamd at tcp:127.0.0.1:11332.",
    "txsmtpx.filters.milter.milter.Milter",
    (
        Seconds("timeout", 30.0, "Filters", "Wait this long for the connection, and for each answer.", zero=False),
        Seconds("longest", 300.0, "Filters", "Wait this long for an answer that the milter delays.", zero=False),
        Number("kept", 10, "Filters", "Keep up to N connections for other clients.", "connections", 0, 1000),
        Seconds("idle", 60.0, "Filters", "Keep a connection for this time.", zero=False),
        Text("daemon_name", "", "Filters", "The value of the macro {daemon_name}, instead of the name of the server."),
        Flag("holds", True, "Filters", "Hold each message until its end, so that the milter can change it."),
    ),
)
policy_filter = FilterPlugin(
    "policy",
    "policy:ENDPOINT",
    "Ask a server with Postfix's policy protocol, such as postgrey or policyd-spf, at ENDPOINT.",
    "txsmtpx.filters.policy_server.PolicyServer",
    (
        Several("stages", ("RCPT",), "Filters", "Ask at CONNECT, EHLO, MAIL, RCPT, DATA or END-OF-MESSAGE."),
        Text("context", "", "Filters", "The value of the attribute policy_context."),
        Seconds("timeout", 100, "Filters", "Wait this long for the connection, and for an answer.", zero=False),
        Number("connections", 20, "Filters", "Open up to N connections.", "connections", 1),
        Seconds("idle", 60, "Filters", "Keep a connection for this time.", zero=False),
    ),
)
dnsbl_filter = FilterPlugin(
    "dnsbl",
    "dnsbl:ZONE,ZONE...",
    "Look the client up in DNS lists, and reject a client that they have.  ZONE=ANSWER*WEIGHT gives a list a weight.",
    "txsmtpx.filters.dnsbl.DNSBL",
    (
        Score("reject_at", 1, "Filters", "Reject a client with this sum of weights or more."),
        Choice("at", "connect", "Filters", "Reject the client, or each recipient.", ("connect", "recipient")),
        Several(
            "exempt",
            (
                "127.0.0.0/8",
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "169.254.0.0/16",
                "::1",
                "fc00::/7",
                "fe80::/10",
            ),
            "Filters",
            "Accept clients of these networks without a look-up.",
        ),
        Seconds("lookup", 5, "Filters", "Wait this long for each answer of the DNS.", zero=False),
    ),
)
reverse_dns_filter = FilterPlugin(
    "reverse-dns",
    "reverse-dns",
    "Look up the host name of the client, for the log, and for the filters and the backend behind it.",
    "txsmtpx.filters.reverse_dns.ReverseDNS",
    (Seconds("lookup", 5, "Filters", "Wait this long for each answer of the DNS.", zero=False),),
)
clamd_filter = FilterPlugin(
    "clamd",
    "clamd[:ENDPOINT]",
    "Ask ClamAV's daemon, at unix:/run/clamav/clamd.ctl or ENDPOINT, and reject viruses.",
    "txsmtpx.filters.clamd.Clamd",
    (
        Choice("found", "reject", "Filters", "What becomes of a virus.", ("reject", "discard", "quarantine")),
        Number("max_octets", 25 * 1024 * 1024, "Filters", "Check messages of up to N octets.", "octets", 1),
        Choice("too_large", "accept", "Filters", "What becomes of a larger message.", ("accept", "reject")),
        Seconds("timeout", 120, "Filters", "Wait this long for the connection, and for the answer.", zero=False),
    ),
)
dkim_filter = FilterPlugin(
    "dkim",
    "dkim:DIRECTORY",
    "Sign the mail of users that have logged in, by the keys SELECTOR._domainkey.DOMAIN.pem in a directory.",
    "txsmtpx.filters.sign_dkim.SignDKIM",
    (Flag("everyone", False, "Filters", "Sign the mail of clients without a login too."),),
)
greylist_filter = FilterPlugin(
    "greylist",
    "greylist[:STORE]",
    "Reject the first attempt of an unknown client temporarily.  STORE is redis:ENDPOINT, or memory (default).",
    "txsmtpx.filters.greylist.greylist",
    (
        Text("store_login", "", "Filters", "Log in to the store with a file that has one line NAME:PASSWORD."),
        Seconds("delay", 300, "Filters", "Accept an attempt after this time.", zero=False),
        Seconds("window", 172800, "Filters", "Forget a client that does not try again within this time.", zero=False),
        Seconds("lifetime", 3024000, "Filters", "Remember a client for this time after its last mail.", zero=False),
        Number("known_after", 5, "Filters", "Accept a client at once after N attempts (0: never).", "attempts"),
        Several("exempt", (), "Filters", "Accept clients of these networks at once."),
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
dovecot_auth = CheckerPlugin(
    "dovecot",
    "ENDPOINT",
    "Ask Dovecot, at the endpoint of its socket auth-client, such as unix:/run/dovecot/auth-client. The mechanisms are "
    "those that Dovecot offers.",
    "txsmtpx.logins.dovecot.DovecotChecker",
    (IDovecotLogin,),
    (Seconds("timeout", 30, "Logins", "Wait this long for each answer.", zero=False),),
)

_SCOPE = Text("scope", "", "Logins", "Require these scopes of a token.", "scopes with spaces between")
_LEEWAY = Seconds("leeway", 60, "Logins", "Allow the clock of the issuer to differ by this time.")
_TRUST_ROOTS = Text("trust_roots", "", "Logins", "Verify the certificate of URL with the authorities in a PEM file.")

jwt_auth = CheckerPlugin(
    "jwt",
    "FILE_OR_URL issuer=URL audience=NAME",
    "Accept access tokens in the form of JWT, by OAUTHBEARER and XOAUTH2. FILE_OR_URL has the public keys of their "
    "issuer (JWKS).",
    "txsmtpx.logins.jwt.JWTChecker",
    (IBearerToken,),
    (
        Text("issuer", "", "Logins", "The issuer, exactly as its tokens name it (iss).", "a URL"),
        Text("audience", "", "Logins", "The name of this server in tokens (aud)."),
        Text("claim", "sub", "Logins", "The claim that is the user name, such as email."),
        _SCOPE,
        _LEEWAY,
        _TRUST_ROOTS,
    ),
    extra="oauth",
)
introspection_auth = CheckerPlugin(
    "introspection",
    "URL client-id=NAME secret-file=FILE",
    "Accept access tokens that their issuer calls active (RFC 7662), by OAUTHBEARER and XOAUTH2. URL is its "
    "introspection endpoint.",
    "txsmtpx.logins.introspection.IntrospectionChecker",
    (IBearerToken,),
    (
        Text("client_id", "", "Logins", "Authenticate to the issuer by this name."),
        Text("secret_file", "", "Logins", "Authenticate to the issuer with the password in this file."),
        Text("issuer", "", "Logins", "Require this issuer in an answer (iss).", "a URL"),
        Text("audience", "", "Logins", "Require this audience in an answer (aud)."),
        Text("claim", "username", "Logins", "The member of an answer that is the user name, such as sub."),
        _SCOPE,
        _LEEWAY,
        _TRUST_ROOTS,
        Seconds("timeout", 10, "Logins", "Wait this long for an answer.", zero=False),
    ),
    extra="oauth",
)
