"""
TLS, after STARTTLS (RFC 3207) or from the start (RFC 8314 §3.3), and its certificates.
"""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import ENDPOINT, endpoint
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import FILE, FLAG, Kind, Option, OptionError
from txsmtpx.command.values import Values
from txsmtpx.wire.certificate_directory import CertificateDirectory
from txsmtpx.wire.implicit_tls import ImplicitTLSEndpoint
from txsmtpx.wire.server_certificate import Certificate, UnusableAuthorities

CERTIFICATE = Option("tls-certificate", FILE, "A PEM file with certificate and chain; read again on SIGHUP.")
KEY = Option("tls-key", FILE, "A PEM file with its key [default: the same file].")
DIRECTORY = Option(
    "tls-directory",
    Kind("DIRECTORY", (str,), str),
    "Certificates for each name: NAME.pem, or NAME/fullchain.pem and NAME/privkey.pem; read again on SIGHUP.",
)
CLIENT_CA = Option("tls-client-ca", FILE, "A PEM file: who signs the certificates of clients, for --auth certificate.")
PORT = Option("tls-port", ENDPOINT, "A port as in --port, where TLS comes first", repeated=True)
REQUIRE = Option("require-tls", FLAG, "Take mail only after STARTTLS.", False)

OPTIONS = (CERTIFICATE, KEY, DIRECTORY, CLIENT_CA, PORT, REQUIRE)


def _apply(values: Values, listener: Listener) -> None:
    if values["tls-key"] and not values["tls-certificate"]:
        raise OptionError("tls-key", "needs", "tls-certificate")
    for option in (CLIENT_CA, PORT, REQUIRE):
        if values[option.name] and not values["tls-certificate"] and not values["tls-directory"]:
            raise OptionError(option.name, "needs", "tls-certificate", "tls-directory")
    certificate = _certificate(values, listener)
    if certificate is not None:
        listener.ports = [*listener.ports, *values["tls-port"]]
        listener.endpoints += [
            ImplicitTLSEndpoint(endpoint(listener.reactor, "tls-port", each), certificate)
            for each in values["tls-port"]
        ]
    listener.settings["require_tls"] = values["require-tls"]
    listener.settings["tls"] = certificate


def _certificate(values: Values, listener: Listener) -> Certificate | None:
    certificate, key, directory, client_ca, *_ = [values[option.name] for option in OPTIONS]
    try:
        if directory:
            return CertificateDirectory(directory, certificate, key, listener.settings.get("domain", ""), client_ca)
        return Certificate(certificate, key, client_ca) if certificate else None
    except OSError as error:
        options = [option.name for option in OPTIONS if values[option.name] == error.filename]
        raise OptionError(options[0] if options else "tls-certificate", _unread(error)) from error
    except UnusableAuthorities as error:
        raise OptionError("tls-client-ca", str(error)) from error
    except ValueError as error:
        raise OptionError("tls-directory" if directory else "tls-certificate", str(error)) from error


def _unread(error: OSError) -> str:
    return f"cannot read {error.filename}: {error.strerror}"


TLS = Group("TLS", OPTIONS, _apply)
