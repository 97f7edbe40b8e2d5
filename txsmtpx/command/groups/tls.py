"""
STARTTLS (RFC 3207) and its certificate.
"""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import FILE, FLAG, Option, OptionError
from txsmtpx.command.values import Values
from txsmtpx.wire.certificate import Certificate

OPTIONS = (
    Option("tls-certificate", FILE, "A PEM file with certificate and chain, for STARTTLS; read again on SIGHUP."),
    Option("tls-key", FILE, "A PEM file with its key [default: the same file]."),
    Option("tls-client-ca", FILE, "A PEM file: who signs the certificates of clients, for --auth certificate."),
    Option("require-tls", FLAG, "Take mail only after STARTTLS.", False),
)


def _apply(values: Values, listener: Listener) -> None:
    for option in ("tls-key", "tls-client-ca", "require-tls"):
        if values[option] and not values["tls-certificate"]:
            raise OptionError(option, "needs", "tls-certificate")
    listener.settings["require_tls"] = values["require-tls"]
    listener.settings["tls"] = _certificate(values) if values["tls-certificate"] else None


def _certificate(values: Values) -> Certificate:
    try:
        return Certificate(values["tls-certificate"], values["tls-key"], values["tls-client-ca"])
    except OSError as error:
        option = next(name for name in OPTION_NAMES if values[name] in (error.filename, None))
        raise OptionError(option, f"cannot read {error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise OptionError("tls-certificate", str(error)) from error


OPTION_NAMES = ("tls-certificate", "tls-key", "tls-client-ca")

TLS = Group("TLS", OPTIONS, _apply)
