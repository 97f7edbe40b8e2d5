"""The attributes of a request to a policy server, with the names and values of Postfix (SMTPD_POLICY_README)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twisted.internet.address import IPv4Address, IPv6Address

from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.grammar import asciitext, xtext
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import TLS, Connection
from txsmtpx.wire.certificate_facts import certificate_facts

State = Literal["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE"]
"""The stages of a session, as the attribute "protocol_state" names them.  EHLO stands for HELO too."""


@dataclass(frozen=True)
class Envelope:
    """
    What is known of a message at a stage.

    Attributes:
        instance: The identifier of the transaction.  It is the same in all requests for a message.
        sender: The address of MAIL.
        options: The parameters of MAIL; None before it.
        recipient: The address of RCPT; at later stages that of the only recipient.
        recipients: The number of accepted recipients; 0 before DATA.
        size: The octets of the message, 0 if they are not known.
        queue_id: The identifier of the transaction in the log; ``""`` before DATA.
    """

    instance: str
    sender: str = ""
    options: MailOptions | None = None
    recipient: str = ""
    recipients: int = 0
    size: int = 0
    queue_id: str = ""


def attributes(
    connection: Connection, state: State, envelope: Envelope, name: ReverseName | None, context: str
) -> dict[str, str]:
    """
    Return the attributes of a request.

    Args:
        connection: The connection of the client.
        state: The stage.
        envelope: The message.
        name: The client's name in the DNS; None if it was not looked up.
        context: The value of "policy_context", by which a policy server distinguishes the services that ask.

    Returns:
        The values by name.  A value that is not known is ``""``; a name of a client that is not known is "unknown".
    """
    early = state in ("CONNECT", "EHLO")
    auth = None if envelope.options is None else envelope.options.auth
    return {
        "request": "smtpd_access_policy",
        "protocol_state": state,
        "protocol_name": "ESMTP" if connection.extended and not early else "SMTP",
        **_client(connection, name),
        "helo_name": connection.helo,
        "sender": envelope.sender,
        "recipient": envelope.recipient,
        "recipient_count": str(envelope.recipients),
        "queue_id": envelope.queue_id,
        "instance": envelope.instance,
        "size": str(envelope.size),
        "etrn_domain": "",
        "stress": "",
        "sasl_method": connection.mechanism or "",
        "sasl_username": connection.username or "",
        "sasl_sender": auth or "",
        **_encryption(connection.tls),
        "policy_context": context,
    }


def _client(connection: Connection, name: ReverseName | None) -> dict[str, str]:
    host = connection.host
    server = host if isinstance(host, IPv4Address | IPv6Address) else None
    if connection.peer_host:
        address, confirmed = connection.peer_host, (name.confirmed if name else "") or "unknown"
        reverse = name.names[0] if name and name.names else "unknown"
    else:  # a UNIX socket, which Postfix names so
        address, confirmed, reverse = "127.0.0.1", "localhost", "localhost"
    return {
        "client_address": address,
        "client_name": confirmed,
        "reverse_client_name": reverse,
        "client_port": str(connection.peer_port or ""),
        "server_address": "" if server is None else server.host,
        "server_port": "" if server is None else str(server.port),
    }


def _encryption(tls: TLS | None) -> dict[str, str]:
    found = {
        "encryption_protocol": "" if tls is None else tls.version,
        "encryption_cipher": "" if tls is None else tls.cipher,
        "encryption_keysize": "0" if tls is None else str(tls.cipher_bits),
        "ccert_subject": "",
        "ccert_issuer": "",
        "ccert_fingerprint": "",
        "ccert_pubkey_fingerprint": "",
    }
    facts = None if tls is None else certificate_facts(tls.peer_certificate)
    if tls is None or facts is None:
        return found
    found["ccert_fingerprint"] = _with_colons(facts.fingerprint)
    found["ccert_pubkey_fingerprint"] = _with_colons(facts.key_fingerprint)
    if tls.verified:  # the names are true only if a trusted authority has signed them
        found["ccert_subject"] = xtext.encode(facts.subject)
        found["ccert_issuer"] = xtext.encode(facts.issuer)
    return found


def _with_colons(digest: bytes) -> str:
    return asciitext.upper(digest.hex(":"))
