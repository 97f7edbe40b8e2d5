"""
A certificate for each name that clients ask for (Server Name Indication, RFC 6066 §3), from a directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from OpenSSL import SSL

from txsmtpx.grammar.domain import domain_key
from txsmtpx.wire.server_certificate import Certificate


class CertificateDirectory(Certificate):
    """
    All the certificates in a directory, for ``SMTPServerFactory(tls=...)``: ``NAME.pem`` with certificate, chain and
    key, or ``NAME/fullchain.pem`` with ``NAME/privkey.pem``, as certbot lays them out.

    What they are for is read from themselves, whatever the files are called; of two for one name the one that lasts
    longer is shown.  Other files are no business of ours.

    Args:
        path: The directory.
        certificate: A PEM file as for `Certificate`, for clients that ask for another name, or for none; None
            for that of ``domain``, or where there is none the first in the directory.
        key: Its key; None when it stands in the same file.
        domain: See there.
        client_ca: See `Certificate`.

    Raises:
        ValueError: There is no certificate, or one is broken.
        OSError: The directory cannot be read.
    """

    def __init__(
        self,
        path: str,
        certificate: str | None = None,
        key: str | None = None,
        domain: str = "",
        client_ca: str | None = None,
    ) -> None:
        self._path = Path(path)
        self._default_files = None if certificate is None else (Path(certificate), Path(key or certificate))
        self._domain = domain_key(domain)
        self._client_ca = client_ca
        self._found: dict[Path, Certificate] = {}
        self._by_name: dict[str, Certificate] = {}
        self.reload()

    def reload(self) -> None:
        """
        Read the directory again: certificates that are new or changed, and not those that are gone.

        Raises:
            ValueError: Some are broken; of these, what was there before stays in force, all others are renewed.
            OSError: The directory cannot be read; everything stays.
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
            broken.append(f"no certificates in {self._path}")
        if broken:
            raise ValueError("; ".join(broken))

    def _read(self, certificate: Path, key: Path) -> Certificate:
        read = Certificate(str(certificate), str(key), self._client_ca)
        read.creator.context.set_tlsext_servername_callback(self._choose)
        return read

    def _serve(self, found: dict[Path, Certificate]) -> None:
        self._found = found
        by_expiry = sorted(found.values(), key=lambda each: each.expires)
        self._by_name = {name: each for each in by_expiry for name in each.names}
        first = next(iter(found.values()))  # which is the default that was given, if one was
        default = first if self._default_files is not None else self._named(self._domain) or first
        self.creator, self.names, self.expires = default.creator, default.names, default.expires

    def _choose(self, connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").lower().decode("ascii", "replace")
        chosen = self._named(name)
        if chosen is not None:
            connection.set_context(chosen.creator.context)

    def _named(self, name: str) -> Certificate | None:
        """RFC 9525 §6.3: a wildcard is the whole of the first label, and stands for one."""
        return self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])


def _pairs(directory: Path) -> Iterator[tuple[Path, Path]]:
    """Where certificates and their keys are, in the order of their names."""
    for path in sorted(directory.iterdir()):
        if path.suffix == ".pem":
            yield path, path
        elif (path / "fullchain.pem").exists():
            yield path / "fullchain.pem", path / "privkey.pem"
