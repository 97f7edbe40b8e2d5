"""TLS, after STARTTLS (RFC 3207) or from the first octet (RFC 8314 §3.3), and its certificates."""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import PORT, endpoint
from txsmtpx.command.kind import ENDPOINT, FILE, Kind
from txsmtpx.command.option import OptionError, Values, option, option_of, repeated
from txsmtpx.command.process import Listener
from txsmtpx.dialog import settings as of_dialog
from txsmtpx.wire.certificate_directory import CertificateDirectory
from txsmtpx.wire.implicit_tls import ImplicitTLSEndpoint
from txsmtpx.wire.server_certificate import Certificate, UnusableAuthorities

CERTIFICATE = option(
    "tls-certificate", FILE, "Use the certificate and its chain in a PEM file.  SIGHUP reads it again.", None
)
KEY = option("tls-key", FILE, "Use the key in a PEM file [default: the file of the certificate].", None)
DIRECTORY = option(
    "tls-directory",
    Kind("DIRECTORY", (str,), str),
    "Use a certificate for each name: NAME.pem, or NAME/fullchain.pem and NAME/privkey.pem.  SIGHUP reads them again.",
    None,
)
CLIENT_CA = option(
    "tls-client-ca",
    FILE,
    "Accept certificates of clients that the authorities in a PEM file have signed, for --auth certificate.",
    None,
)
TLS_PORT = repeated(
    "tls-port", ENDPOINT, "Listen on a port as --port does, with TLS from the first octet."
)
REQUIRE = option_of(of_dialog.REQUIRE_TLS)


def _apply(values: Values, listener: Listener) -> None:
    certificate, directory = values[CERTIFICATE], values[DIRECTORY]
    if values[KEY] and not certificate:
        raise OptionError(KEY.name, "needs", CERTIFICATE.name)
    if not certificate and not directory:
        for needing in (CLIENT_CA, TLS_PORT, REQUIRE):
            if values[needing]:
                raise OptionError(needing.name, "needs", CERTIFICATE.name, DIRECTORY.name)
        return
    domain = listener.settings.get("domain", "")
    listener.settings["tls"] = listener.certificate = _certificate(values, certificate, directory, domain)
    ports = values[TLS_PORT]
    if ports and PORT.name not in values.given:
        listener.ports, listener.endpoints = [], []
    for port in ports:
        listener.ports.append(port)
        plain = endpoint(listener.reactor, TLS_PORT, port)
        listener.endpoints.append(ImplicitTLSEndpoint(plain, listener.certificate))


def _certificate(values: Values, certificate: str | None, directory: str | None, domain: str) -> Certificate:
    try:
        if directory:
            return CertificateDirectory(directory, certificate, values[KEY], domain, values[CLIENT_CA])
        assert certificate is not None
        return Certificate(certificate, values[KEY], values[CLIENT_CA])
    except OSError as error:
        named = [each.name for each in (CERTIFICATE, KEY, DIRECTORY, CLIENT_CA) if values[each] == error.filename]
        text = f"cannot read {error.filename}: {error.strerror}"
        raise OptionError(named[0] if named else CERTIFICATE.name, text) from error
    except UnusableAuthorities as error:
        raise OptionError(CLIENT_CA.name, str(error)) from error
    except ValueError as error:
        raise OptionError(DIRECTORY.name if directory else CERTIFICATE.name, str(error)) from error


TLS = Group(
    "TLS",
    "TLS after STARTTLS (RFC 3207) or from the first octet (RFC 8314 §3.3), and its certificates.",
    (CERTIFICATE, KEY, DIRECTORY, CLIENT_CA, TLS_PORT, REQUIRE),
    _apply,
)
