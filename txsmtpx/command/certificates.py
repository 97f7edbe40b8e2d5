"""The certificates of ``--tls-self-signed``, which a parent shares with its workers."""

from __future__ import annotations

import json
from os import PathLike

from txsmtpx.wire.self_signed import SelfSignedCertificate


class SelfSignedCertificates:
    """
    The self-signed certificates of a process: one for each domain of its listeners.

    Args:
        handed: What `to_octets` of the parent has returned; b"" for a process without a parent.
    """

    def __init__(self, handed: bytes = b"") -> None:
        self._pems: dict[str, str] = json.loads(handed or b"{}")

    def certificate(self, domain: str, client_ca: str | PathLike[str] | None) -> SelfSignedCertificate:
        """
        Return the certificate for a domain, and make it when it is asked for the first time.

        Args:
            domain: The name of the server.
            client_ca: The authorities for the certificates of clients; None for none.

        Returns:
            The certificate.

        Raises:
            OSError: The file of authorities cannot be read.
            ValueError: It holds no certificates, or the domain is none.
        """
        had = self._pems.get(domain)
        found = SelfSignedCertificate(domain, client_ca, None if had is None else had.encode("ascii"))
        self._pems[domain] = found.to_pem().decode("ascii")
        return found

    def to_octets(self) -> bytes:
        """
        Return the certificates and their keys for another process.

        Returns:
            JSON; b"" if there are none.
        """
        return json.dumps(self._pems).encode("ascii") if self._pems else b""
