"""Connecting to a server, and sending one message."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import PrivateCertificate

from txsmtpx.arguments import checked_except
from txsmtpx.dialog.addressing import Recipients, check_message
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.client_result import Result
from txsmtpx.dialog.demands import EightBit
from txsmtpx.dialog.extension import Extension
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import Endpoint, Reactor
from txsmtpx.interfaces.loop_deferred import explained
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_settings import SETTINGS, Auth, ClientSettings, TLSMode
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.connecting import Connecting, chosen_reactor, connect_with
from txsmtpx.wire.dkim_signer import DKIMSigner, signed_by
from txsmtpx.wire.pending_work import before_end
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript_recorder import Transcript


@checked_except("endpoint", "reactor", *SETTINGS)
def connect(
    endpoint: Endpoint,
    *,
    lmtp: bool = ClientSettings.lmtp,
    tls: TLSMode | None = ClientSettings.tls,
    auth: Auth | None = ClientSettings.auth,
    auth_optional: bool = ClientSettings.auth_optional,
    hostname: str = ClientSettings.hostname,
    domain: str = ClientSettings.domain,
    timeouts: Timeouts | float | None = ClientSettings.timeouts,
    trust_roots: TrustRoots | None = ClientSettings.trust_roots,
    tls_verify: bool = ClientSettings.tls_verify,
    client_certificate: PrivateCertificate | None = ClientSettings.client_certificate,
    allow_insecure_auth: bool = ClientSettings.allow_insecure_auth,
    transcript: Transcript | bool = ClientSettings.transcript,
    extensions: Iterable[Extension] = ClientSettings.extensions,
    without: Iterable[str] = ClientSettings.without,
    eight_bit: EightBit = ClientSettings.eight_bit,
    reactor: Reactor | None = None,
) -> Deferred[SMTPClient]:
    r"""
    Connect to a server: read the greeting, send EHLO, start TLS, log in.

    Args:
        endpoint: ``(host, port)``, which is ``tcp:HOST:PORT``; or a client endpoint; or its string: ``tcp:HOST:PORT``,
            ``tls:HOST:PORT``, ``unix:PATH``, ``mx:DOMAIN``, ``haproxy:v2:ENDPOINT``.
        lmtp: Use LMTP (RFC 2033).
        tls: "opportunistic" starts TLS if the server offers STARTTLS.  "required" fails if it does not.  "implicit"
            begins with TLS, and "none" uses no TLS.  None for the mode of the endpoint.  It is "implicit" for ``tls:``,
            "none" for UNIX sockets and the loopback interface, otherwise "required".
        auth: (username, password), the client half of a SASL mechanism (RFC 4954), or `txsmtpx.OAuth2`.
        auth_optional: Log in only if the server offers AUTH with a mechanism that ``auth`` fits; otherwise go on
            without a login.  A password is still not sent in the clear, unless ``allow_insecure_auth`` is True.
        hostname: The name to verify in the certificate, if it is not the host of the endpoint.
        domain: The name of the client in EHLO: a domain or an address literal; "" for the address of its end.
        timeouts: `Timeouts`, or one number of seconds for each phase; None for the defaults.
        trust_roots: None for the system's; the path of a PEM file; or an ``IOpenSSLTrustRoot``.
        tls_verify: False accepts any certificate, for servers whose certificate cannot be verified.  Then anyone on the
            way can read and change the mail, and read the password.  A warning is logged once in each process.
        client_certificate: The certificate of the client, a `twisted.internet.ssl.PrivateCertificate`.
        allow_insecure_auth: Log in without TLS, where anyone on the way can read the password.
        transcript: True logs every line; a function is called with (session, "C" or "S", line).  Secrets are hidden.
        extensions: Extensions that the client supports besides the built-in ones.
        without: Keywords of extensions that are not used, though the server offers them, such as
            ``{"PIPELINING", "CHUNKING"}``.  Extensions that require one of them are not used either.
        eight_bit: The treatment of octets above 127 if the server does not offer 8BITMIME.  Also of UTF-8 in header
            fields if it does not offer SMTPUTF8.  "refuse" raises `EightBitContent` or `NotOffered`; "send" sends the
            octets as they are.  An ``EmailMessage`` is always written as the server accepts it.
        reactor: The reactor; None for the global one.

    Returns:
        A Deferred of the connection.

    Raises:
        SMTPError: The server rejects the client.  QUIT is sent in the background, as for `NotOffered`.
        NotOffered: The server does not offer TLS or the login that the arguments require.
        TLSFailed: The certificate of the server is not verified, or the handshake failed.
        NetworkError: The server cannot be reached, the connection was lost, or no reply came in time.  The error is
            also an instance of Twisted's class, such as ``ConnectionRefusedError`` (`twisted.internet.error`).
        AllServersFailed: None of several servers can be used.
        DNSFailed: The DNS gives no usable answer.
        NoSuchDomain: The domain of ``mx:`` does not exist.
        NullMX: The domain of ``mx:`` accepts no mail.
        ValueError: An argument cannot be used, or contradicts another.  It is raised at once, and so is ``TypeError``.

    Example:
        >>> async def example() -> None:
        ...     client = await connect("tcp:mail.example.org:587", auth=("user", "secret"))
        ...     await client.send("user@example.org", ["one@example.net"], b"Subject: Hello\r\n\r\nHello\r\n")
        ...     await client.quit()
    """
    settings = ClientSettings(
        lmtp=lmtp,
        tls=tls,
        auth=auth,
        auth_optional=auth_optional,
        hostname=hostname,
        domain=domain,
        timeouts=timeouts,
        trust_roots=trust_roots,
        tls_verify=tls_verify,
        client_certificate=client_certificate,
        allow_insecure_auth=allow_insecure_auth,
        transcript=transcript,
        extensions=extensions,
        without=without,
        eight_bit=eight_bit,
    )
    return explained(connect_with(settings, endpoint, chosen_reactor(reactor)))


@checked_except("endpoint", "sender", "recipients", "body", "options", "reactor", *SETTINGS)
def send_mail(
    endpoint: Endpoint,
    sender: str,
    recipients: Recipients,
    body: ClientBody,
    *,
    options: MailOptions | None = None,
    lmtp: bool = ClientSettings.lmtp,
    tls: TLSMode | None = ClientSettings.tls,
    auth: Auth | None = ClientSettings.auth,
    auth_optional: bool = ClientSettings.auth_optional,
    hostname: str = ClientSettings.hostname,
    domain: str = ClientSettings.domain,
    timeouts: Timeouts | float | None = ClientSettings.timeouts,
    trust_roots: TrustRoots | None = ClientSettings.trust_roots,
    tls_verify: bool = ClientSettings.tls_verify,
    client_certificate: PrivateCertificate | None = ClientSettings.client_certificate,
    allow_insecure_auth: bool = ClientSettings.allow_insecure_auth,
    transcript: Transcript | bool = ClientSettings.transcript,
    extensions: Iterable[Extension] = ClientSettings.extensions,
    without: Iterable[str] = ClientSettings.without,
    eight_bit: EightBit = ClientSettings.eight_bit,
    dkim: DKIMSigner | None = None,
    reactor: Reactor | None = None,
) -> Deferred[Result]:
    r"""
    Connect, send one message, and quit.  If the Deferred is cancelled, the connection is aborted.

    The Deferred fires when the server has accepted the message.  Then QUIT is sent, and the connection is closed in the
    background.  It is closed after the reply to QUIT, at most `Timeouts.quit` seconds later.

    Args:
        endpoint: The endpoint of the server.  `connect` describes this argument and the keyword arguments.
        sender: An address, "" for the null reverse-path.
        recipients: Addresses, or (address, its options).
        body: The message, as for `SMTPClient.send`.
        options: The options of MAIL; None for those that the message needs.
        lmtp: Use LMTP.
        tls: The mode of TLS.
        auth: (username, password), a mechanism, or `txsmtpx.OAuth2`.
        auth_optional: Log in only if the server offers it.
        hostname: The name to verify in the certificate.
        domain: The name of the client in EHLO.
        timeouts: Seconds for each phase.
        trust_roots: The authorities for the certificate of the server.
        tls_verify: False accepts any certificate.
        client_certificate: The certificate of the client.
        allow_insecure_auth: Log in without TLS.
        transcript: True logs every line.
        extensions: More extensions that the client understands.
        without: Keywords of extensions that are not used.
        eight_bit: The treatment of octets above 127 that the server does not accept: "refuse" or "send".
        dkim: Signs the message; None for no signature.
        reactor: The reactor; None for the global one.

    Returns:
        A Deferred of a `Result`, if at least one recipient was accepted.

    Raises:
        DeliveryError: As for `connect` and `SMTPClient.send`.  Both describe ``ValueError`` and ``TypeError`` too.

    Example:
        >>> async def example() -> None:
        ...     message = b"Subject: Hello\r\n\r\nHello\r\n"
        ...     result = await send_mail("tcp:localhost:25", "one@example.org", ["two@example.org"], message)
        ...     assert not result.refused
    """
    settings = ClientSettings(
        lmtp=lmtp,
        tls=tls,
        auth=auth,
        auth_optional=auth_optional,
        hostname=hostname,
        domain=domain,
        timeouts=timeouts,
        trust_roots=trust_roots,
        tls_verify=tls_verify,
        client_certificate=client_certificate,
        allow_insecure_auth=allow_insecure_auth,
        transcript=transcript,
        extensions=extensions,
        without=without,
        eight_bit=eight_bit,
    )
    chosen = chosen_reactor(reactor)
    connecting = Connecting(settings, endpoint, chosen)
    sending = partial(_send, connecting, chosen, sender, recipients, options)
    return explained(Deferred.fromCoroutine(signed_by(dkim, body, options, sending)))


async def _send(
    connecting: Connecting,
    reactor: IReactorTime,
    sender: str,
    recipients: Recipients,
    options: MailOptions | None,
    body: ClientBody,
) -> Result:
    sender, recipients = check_message(sender, recipients, body, options)
    client = await connecting.begin()
    try:
        return await client.send(sender, recipients, body, options)
    finally:
        before_end(reactor, client.quit())  # in the background: it never fails, and has a time limit
