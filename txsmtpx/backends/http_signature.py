"""
Signatures of requests as in the specification Standard Webhooks 1.0: an id, a time, and an HMAC with SHA-256.

The packages of https://www.standardwebhooks.com verify them, for many languages.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from txsmtpx.grammar import asciitext

PREFIX = "whsec_"
"""The beginning of a secret."""

TOLERANCE = 300.0
"""Seconds by which the time of a signature may differ from the clock of the verifier, as in the libraries."""


class WebhookSecret:
    """
    The secret that sender and receiver share.

    Args:
        text: ``whsec_`` and the key in base64.  The key has 24 to 64 octets.

    Raises:
        ValueError: It is no such text.  The text of the error does not show it.

    Example:
        >>> secret = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        >>> headers = secret.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        >>> headers["Webhook-Signature"]
        'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
        >>> secret
        WebhookSecret('whsec_...')
    """

    def __init__(self, text: str) -> None:
        wrong = f"must be {PREFIX} and 24 to 64 octets in base64, such as python -c 'import base64, secrets; "
        wrong += f'print("{PREFIX}" + base64.b64encode(secrets.token_bytes(32)).decode())\' prints'
        try:
            self._key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(wrong) from None
        if not text.startswith(PREFIX) or not 24 <= len(self._key) <= 64:
            raise ValueError(wrong)

    def __repr__(self) -> str:
        return f"WebhookSecret('{PREFIX}...')"

    def signature(self, identifier: str, timestamp: int) -> hmac.HMAC:
        """
        Begin a signature.

        Args:
            identifier: The id of the request.
            timestamp: Seconds since the epoch.

        Returns:
            An HMAC, to be updated with the body.
        """
        return hmac.new(self._key, f"{identifier}.{timestamp}.".encode(), hashlib.sha256)

    def headers(self, identifier: str, timestamp: int, body: bytes) -> dict[str, str]:
        """
        Return the headers of a signed request.

        Args:
            identifier: The id of the request, which a repeated request has too.
            timestamp: Seconds since the epoch.
            body: The body.

        Returns:
            The values of the headers Webhook-Id, Webhook-Timestamp and Webhook-Signature.
        """
        signature = self.signature(identifier, timestamp)
        signature.update(body)
        return signature_headers(identifier, timestamp, signature)

    def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """
        Verify a request.

        Args:
            headers: The headers of the request, with names in lower case.
            body: The body.
            now: Seconds since the epoch.

        Returns:
            The id of the request.

        Raises:
            ValueError: A header is missing, the request is too old or too new, or no signature is right.
        """
        try:
            identifier, stamp, given = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        except KeyError as error:
            raise ValueError(f"the request has no header {error.args[0]}") from None
        if not asciitext.is_number(stamp) or len(stamp) > 15 or abs(now - int(stamp)) > TOLERANCE:
            raise ValueError("the time of the request is not the present time")
        signature = self.signature(identifier, int(stamp))
        signature.update(body)
        right = _encoded(signature)
        found = [hmac.compare_digest(each.encode(), right.encode()) for each in given.split(" ")]
        if not any(found):
            raise ValueError("the signature of the request is wrong")
        return identifier


def signature_headers(identifier: str, timestamp: int, signature: hmac.HMAC) -> dict[str, str]:
    """
    Return the headers of a signed request.

    Args:
        identifier: The id of the request.
        timestamp: Seconds since the epoch.
        signature: The HMAC, updated with all of the body.

    Returns:
        The values of the headers by their names.
    """
    return {
        "Webhook-Id": identifier,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": _encoded(signature),
    }


def _encoded(signature: hmac.HMAC) -> str:
    return f"v1,{base64.b64encode(signature.digest()).decode('ascii')}"
