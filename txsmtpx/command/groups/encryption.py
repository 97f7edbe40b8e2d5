"""TLS, after STARTTLS (RFC 3207) or from the first octet (RFC 8314 §3.3), and its certificates."""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import PORT, port_of
from txsmtpx.command.kind import ENDPOINT, FILE, FLAG, Kind
from txsmtpx.command.option import Values, option, option_of, repeated
from txsmtpx.command.process import Listener
from txsmtpx.dialog import settings as of_dialog
from txsmtpx.wire.certificate_directory import CertificateDirectory
from txsmtpx.wire.self_signed import SelfSignedCertificate
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
    "tls-port", ENDPOINT, "Listen on a port with TLS from the first octet.  A number is a port of all interfaces."
)
SELF_SIGNED = option(
    "tls-self-signed",
    FLAG,
    "Make a certificate for localhost and --domain at the start, and keep it in memory.  For development.",
    False,
)
REQUIRE = option_of(of_dialog.REQUIRE_TLS)


def _apply(values: Values, listener: Listener) -> None:
    certificate, directory = values[CERTIFICATE], values[DIRECTORY]
    if values[SELF_SIGNED]:
        for other in (CERTIFICATE, KEY, DIRECTORY):
            if values[other]:
                text = f"it makes a certificate, and {values.named(other.name)} names one; leave one of them out"
                raise SELF_SIGNED.fault(True, text)
    if values[KEY] and not certificate:
        raise KEY.fault(values[KEY], "the certificate of this key is missing; add", CERTIFICATE.name)
    if not certificate and not directory and not values[SELF_SIGNED]:
        for needing in (CLIENT_CA, TLS_PORT, REQUIRE):
            if values[needing]:
                others = (CERTIFICATE.name, DIRECTORY.name, SELF_SIGNED.name)
                raise needing.fault(values[needing], "there is no certificate; add", *others)
        return
    listener.settings["tls"] = listener.certificate = _certificate(values, listener)
    ports = values[TLS_PORT]
    if ports and PORT.name not in values.given:
        listener.ports = []
    for description in ports:
        listener.ports.append(port_of(values, listener.reactor, TLS_PORT, description, listener.certificate))


def _certificate(values: Values, listener: Listener) -> Certificate:
    certificate, directory = values[CERTIFICATE], values[DIRECTORY]
    domain = listener.settings.get("domain", "")
    try:
        if values[SELF_SIGNED]:
            return listener.self_signed.certificate(domain, values[CLIENT_CA])
        if directory:
            return CertificateDirectory(directory, certificate, values[KEY], domain, values[CLIENT_CA])
        assert certificate is not None
        return Certificate(certificate, values[KEY], values[CLIENT_CA])
    except OSError as error:
        named = [each for each in (CERTIFICATE, KEY, DIRECTORY, CLIENT_CA) if values[each] == error.filename]
        raise (named or [CERTIFICATE])[0].fault(error.filename, f"cannot read it: {error.strerror}") from error
    except UnusableAuthorities as error:
        raise CLIENT_CA.fault(values[CLIENT_CA], str(error)) from error
    except ValueError as error:
        given = SELF_SIGNED if values[SELF_SIGNED] else DIRECTORY if directory else CERTIFICATE
        raise given.fault(values[given], str(error)) from error


def described(values: Values, certificate: Certificate) -> str:
    """
    Describe the certificate of a listener for the log.

    Args:
        values: The values of its options.
        certificate: The certificate.

    Returns:
        Where it comes from, its names, and when it expires or its fingerprint.
    """
    if isinstance(certificate, SelfSignedCertificate):
        names = ", ".join([*certificate.names, *certificate.addresses])
        return f"a self-signed certificate for {names}, SHA-256 fingerprint {certificate.fingerprint}"
    names = f"for {', '.join(certificate.names) or 'no name'}, valid until {certificate.expires:%Y-%m-%d}"
    directory = values[DIRECTORY]
    if directory:
        return f"the certificates in {directory}, by default the one {names}"
    return f"the certificate in {values[CERTIFICATE]} {names}"


TLS = Group(
    "TLS",
    "TLS after STARTTLS (RFC 3207) or from the first octet (RFC 8314 §3.3), and its certificates.",
    (CERTIFICATE, KEY, DIRECTORY, SELF_SIGNED, CLIENT_CA, TLS_PORT, REQUIRE),
    _apply,
)
