"""A directory of certificates: the server presents the one that the client asks for (SNI, RFC 6066 §3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from os import PathLike
from pathlib import Path

from OpenSSL import SSL

from txsmtpx.arguments import checked
from txsmtpx.grammar.domain import domain_key
from txsmtpx.wire.server_certificate import Certificate, ConnectionCreator


class CertificateDirectory(Certificate):
    """
    All certificates of a directory, for ``SMTPServerFactory(tls=...)``.

    The files are ``NAME.pem`` with certificate, chain and key, or ``NAME/fullchain.pem`` with ``NAME/privkey.pem``, as
    certbot writes them.  Other files are ignored.  The DNS names are read from the certificates, whatever the files are
    called.  If two certificates have one name, the one that expires later is presented.

    Args:
        path: The directory.
        certificate: A PEM file as for `Certificate`, for clients that ask for no name or another one.  By default they
            get the certificate of ``domain``, and if there is none, the first one of the directory.
        key: The PEM file of its key; by default the key is in the same file.
        domain: The domain whose certificate is the default; "" for none.
        client_ca: The authorities for the certificates of clients, as for `Certificate`.

    Raises:
        ValueError: There is no certificate, or one cannot be used; or there is a `key` without a `certificate`.
        OSError: The directory cannot be read.
        TypeError: A value has the wrong type.

    Example:
        A server of several domains::

            SMTPServerFactory(backend, tls=CertificateDirectory("/etc/letsencrypt/live", domain="mx.example.org"))
    """

    @checked
    def __init__(
        self,
        path: str | PathLike[str],
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
        domain: str = "",
        client_ca: str | PathLike[str] | None = None,
    ) -> None:
        if key is not None and certificate is None:
            raise ValueError("CertificateDirectory: key needs certificate, the file with the certificate of that key")
        self._path = Path(path)
        self._default_files = None if certificate is None else (Path(certificate), Path(key or certificate))
        self._domain = domain_key(domain)
        self._client_ca = client_ca
        self._found: dict[Path, Certificate] = {}
        self._by_name: dict[str, Certificate] = {}
        self.reload()

    def reload(self) -> None:
        """
        Read the directory again.  Certificates whose files are gone are dropped.

        Raises:
            ValueError: Some certificates cannot be used.  Of these, the certificate of before stays in force.  All
                others are renewed.
            OSError: The directory cannot be read.  Nothing changes.
        """
        files = dict(_pairs(self._path))
        if self._default_files is not None:
            files = dict([self._default_files]) | files
        broken: list[str] = []
        found: dict[Path, Certificate] = {}
        for certificate, key in files.items():
            try:
                found[certificate] = self._read(certificate, key)
            except (OSError, ValueError) as error:
                broken.append(str(error))
                if certificate in self._found:
                    found[certificate] = self._found[certificate]
        if found:
            self._serve(found)
        elif not broken:
            broken.append(f"no certificates in {self._path}; it needs NAME.pem, or NAME/fullchain.pem")
        if broken:
            raise ValueError("; ".join(broken))

    def _read(self, certificate: Path, key: Path) -> Certificate:
        read = Certificate(str(certificate), str(key), self._client_ca)
        _context(read).set_tlsext_servername_callback(self._choose)
        return read

    def _serve(self, found: dict[Path, Certificate]) -> None:
        self._found = found
        by_expiry = sorted(found.values(), key=lambda each: each.expires)
        self._by_name = {name: each for each in by_expiry for name in each.names}
        first = next(iter(found.values()))  # of the arguments, if there is one
        default = first if self._default_files is not None else self._named(self._domain) or first
        self.creator = default.creator
        self.names: tuple[str, ...] = default.names
        self.expires: datetime = default.expires

    def _choose(self, connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").lower().decode("ascii", "replace")
        chosen = self._named(name)
        if chosen is not None:
            connection.set_context(_context(chosen))

    def _named(self, name: str) -> Certificate | None:
        """Return the certificate of a name; a wildcard is the whole first label, and stands for one (RFC 9525 §6.3)."""
        return self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])


def _context(certificate: Certificate) -> SSL.Context:
    creator = certificate.creator
    assert isinstance(creator, ConnectionCreator)  # of a Certificate that was read from files
    return creator.context


def _pairs(directory: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the paths of each certificate and its key, in alphabetical order."""
    for path in sorted(directory.iterdir()):
        if path.suffix == ".pem":
            yield path, path
        elif (path / "fullchain.pem").exists():
            yield path / "fullchain.pem", path / "privkey.pem"
