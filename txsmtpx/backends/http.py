"""
The backend ``http:URL``: each message is a POST to a web application, and the answer is the reply.

Nothing is stored.  250 is sent after the application has accepted the message.  The session is in
`txsmtpx.backends.http_session`, the meaning of an answer in `txsmtpx.backends.http_answer`.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import PrivateCertificate

from txsmtpx.arguments import checked_except
from txsmtpx.backends.http_content import HTTPContent
from txsmtpx.backends.http_recipients import HTTPRecipients
from txsmtpx.backends.http_requests import HTTPRequests
from txsmtpx.backends.http_session import HTTPSession
from txsmtpx.backends.http_settings import (
    CERTIFICATE,
    CONNECTIONS,
    FORMAT,
    HOLD,
    MAX_ANSWER_BYTES,
    NAMES,
    RCPT_CACHE,
    RCPT_URL,
    SECRET_FILE,
    TIMEOUT,
    TOKEN_FILE,
    TRUST_ROOTS,
    FieldNames,
    Format,
)
from txsmtpx.backends.http_signature import WebhookSecret
from txsmtpx.backends.http_template import URLTemplate
from txsmtpx.backends.session import OpenBackend
from txsmtpx.interfaces import ClientEndpoint, Reactor, clock_of
from txsmtpx.setting import SettingError
from txsmtpx.setting_kinds import Text
from txsmtpx.wire.client_tls import check_trust_roots, client_certificate_in
from txsmtpx.wire.web_request import WebClient


class HTTPBackend(OpenBackend):
    """
    A backend that sends each message to a web application.  It needs the extra ``txsmtpx[http]``.

    Args:
        url: The URL.  The parts of the recipient's address replace ``{domain}`` and ``{local}``, escaped; then each
            recipient has a request.  A login in the URL is sent as an Authorization header.
        format: "raw" sends the message as it came, with the envelope in headers.  "form" and "json" send it parsed.
        names: The names of the fields of a form: "own", "mailgun" or "sendgrid".
        timeout: Seconds in all for the application to read a request and to answer.
        connections: Requests at a time.  Further ones wait, within ``timeout``.
        max_answer_bytes: The most octets of an answer.
        hold: True to receive a message to its end before it is sent, so that the request has a Content-Length.
        secret: The secret for signatures, ``whsec_...``; ``""`` for none.  It implies ``hold``.
        secret_file: A file with the secret.
        token: A bearer token (RFC 6750); ``""`` for none.
        token_file: A file with the token.
        certificate: A PEM file with the certificate that the client shows, and its key; ``""`` for none.
        trust_roots: A PEM file of authorities; ``""`` for those of the system.
        rcpt_url: A URL that is asked for each recipient; ``""`` for none.  It has ``{local}``.
        rcpt_cache: Seconds for which an answer about a recipient is kept.
        endpoint: The endpoint of the application, such as a UNIX socket; None for host and port of the URL.
        reactor: The reactor.  None: the global one.

    Raises:
        TypeError: An argument is unknown or has the wrong type.
        ValueError: A value cannot be used.
        ImportError: treq is not installed.

    Example:
        An application gets the mail for each domain at a URL of its own::

            backend = HTTPBackend("https://app.example.org/mail/{domain}", secret_file="/etc/mail/webhook-secret")

        >>> HTTPBackend("https://app.example.org/mail", formt="json")
        Traceback (most recent call last):
        TypeError: HTTPBackend has no argument formt; did you mean format?
    """

    @checked_except("secret", "endpoint")
    def __init__(
        self,
        url: str,
        *,
        format: Format = FORMAT.default,
        names: FieldNames = NAMES.default,
        timeout: float = TIMEOUT.default,
        connections: int = CONNECTIONS.default,
        max_answer_bytes: int = MAX_ANSWER_BYTES.default,
        hold: bool = HOLD.default,
        secret: str = "",
        secret_file: str = SECRET_FILE.default,
        token: str = "",
        token_file: str = TOKEN_FILE.default,
        certificate: str = CERTIFICATE.default,
        trust_roots: str = TRUST_ROOTS.default,
        rcpt_url: str = RCPT_URL.default,
        rcpt_cache: float = RCPT_CACHE.default,
        endpoint: ClientEndpoint | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        given = {
            FORMAT: format, NAMES: names, TIMEOUT: timeout, CONNECTIONS: connections, HOLD: hold,
            MAX_ANSWER_BYTES: max_answer_bytes, RCPT_CACHE: rcpt_cache,
        }  # fmt: skip
        for setting, value in given.items():
            setting.check(value)
        if names != "own" and format != "form":
            raise SettingError("names", f"is for format=form only, not for {format}")
        if not url:
            raise ValueError("http needs a URL: http:URL")
        if url.startswith("//"):  # of --backend http://...
            url = f"http:{url}"
        template = URLTemplate(url)
        secret = _line_of(SECRET_FILE, secret_file) or secret
        signer = _signer(SECRET_FILE.name if secret_file else "secret", secret)
        token = _line_of(TOKEN_FILE, token_file) or token
        headers = _authorization(TOKEN_FILE.name if token_file else "token", token, template)
        clock = clock_of(reactor)
        self.client: WebClient = WebClient(
            clock, _readable(TRUST_ROOTS, trust_roots), _certificate(certificate), timeout, max_answer_bytes,
            connections, endpoint,
        )  # fmt: skip
        self.recipients: HTTPRecipients | None = None
        if rcpt_url:
            asked = _rcpt_template(rcpt_url)
            self.recipients = HTTPRecipients(self.client, asked, headers, cast(IReactorTime, clock), rcpt_cache)
        content = HTTPContent(format, names, hold, secret, connections // 2)
        self.requests: HTTPRequests = HTTPRequests(
            self.client, template, headers, content, signer, clock, connections, timeout
        )
        super().__init__(lambda connection: HTTPSession(self.requests, self.recipients, connection, format == "raw"))

    def close(self) -> Deferred[None]:
        """
        Close the connections that are kept for further requests.

        Returns:
            A Deferred that fires when they are closed.
        """
        return self.client.close()


def _line_of(setting: Text, path: str) -> str:
    """Return the only line of a file; "" without a file."""
    if not path:
        return ""
    try:
        line = Path(path).read_text("ascii").strip("\r\n ")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingError(setting.name, f"{path!r} cannot be used: {why}") from error
    if not line:
        raise SettingError(setting.name, f"{path!r} cannot be used: it is empty")
    return line


def _readable(setting: Text, path: str) -> str | None:
    """Return the path of a PEM file; None without one."""
    if path:
        try:
            check_trust_roots(path)
        except SettingError as error:
            raise SettingError(setting.name, error.text) from error
    return path or None


def _certificate(path: str) -> PrivateCertificate | None:
    try:
        return client_certificate_in(path) if path else None
    except ValueError as error:
        raise SettingError(CERTIFICATE.name, str(error)) from error


def _signer(name: str, secret: str) -> WebhookSecret | None:
    try:
        return WebhookSecret(secret) if secret else None
    except ValueError as error:
        raise SettingError(name, str(error)) from None


def _authorization(name: str, token: str, template: URLTemplate) -> list[tuple[str, str]]:
    if not token:
        return []
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingError(name, "must be printable characters of ASCII without spaces (RFC 6750 §2.1)")
    if template.has_login:
        raise SettingError(name, "cannot be used: the URL has a login, which uses the same header")
    return [("Authorization", f"Bearer {token}")]


def _rcpt_template(text: str) -> URLTemplate:
    try:
        template = URLTemplate(text)
    except ValueError as error:
        raise SettingError(RCPT_URL.name, f"cannot be used: {error}") from error
    if "{local}" not in text:
        raise SettingError(RCPT_URL.name, f"must have {{local}}, and perhaps {{domain}}: {template.shown}")
    return template
