"""
Descriptions of endpoints: their names, and what is wrong with one, in the words of an operator.

The parsers of endpoints raise the exceptions that Python raises, whose texts are about their source code.
"""

from __future__ import annotations

import ipaddress
import re

from OpenSSL import SSL, crypto

from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_address

_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")
_UNKNOWN = re.compile(r"unexpected keyword argument '(.*?)'")
_TOO_MANY = re.compile(r"positional arguments? but \d+ (?:was|were) given|multiple values for")
_NO_NUMBER = re.compile(r"(?:invalid literal for int\(\) with base (\d+)|could not convert string to float): (.*)")
_NO_KIND = re.compile(r"Unknown endpoint type: (.*)")


def fault(error: Exception) -> str:
    """
    Describe the error of an endpoint.

    Args:
        error: The exception that the parser of the endpoint has raised.

    Returns:
        What is wrong, without the words of Python.
    """
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot read {error.filename}: {error.strerror}"
    if isinstance(error, SSL.Error | crypto.Error):
        return "its files hold no certificate with its key"
    if isinstance(error, TypeError):
        if found := _MISSING.search(text):
            return f"missing: {found[1].replace(chr(39), '')}"
        if found := _UNKNOWN.search(text):
            return f"it takes no {found[1]}"
        if _TOO_MANY.search(text):
            return "it has too many parts"
    if isinstance(error, LookupError):  # as systemd: has it
        return "no such socket was handed over"
    if found := _NO_NUMBER.search(text):
        return f"{found[2]} is no {'octal ' if found[1] == '8' else ''}number"
    if found := _NO_KIND.search(text):
        return f"no kind of endpoint is called {found[1]}; write tcp:HOST:PORT or unix:PATH"
    return text or type(error).__name__


def host_and_port(pair: tuple[object, ...]) -> tuple[str, int]:
    """
    Check the endpoint (host, port).

    Args:
        pair: The tuple.

    Returns:
        The host and the port.

    Raises:
        TypeError: It is something else.
    """
    if len(pair) != 2:
        raise TypeError(f"an endpoint that is a tuple is (host, port), such as ('mail.example.com', 587), not {pair!r}")
    host, port = pair
    if not isinstance(host, str):
        raise TypeError(f"the host of an endpoint is a str, not {host!r}")
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"the port of an endpoint is an int, not {port!r}")
    return host, port


def ehlo_name(domain: str) -> str:
    """
    Return the name that a client gives in EHLO, with A-labels (RFC 6531 §3.7.1).

    Args:
        domain: A domain or an address literal (RFC 5321 §4.1.1.1), "" for none.

    Returns:
        The name.

    Raises:
        ValueError: It is neither.
        TypeError: It is no text.
    """
    if not isinstance(domain, str):
        raise TypeError(f"domain, the name in EHLO, is text, not {domain!r}")
    try:
        if domain:
            path.check_domain_part(domain)
        return to_a_label(domain)
    except ValueError as error:
        kinds = "a domain or an address literal, such as mail.example.org or [192.0.2.1]"
        raise ValueError(f"domain, the name in EHLO, is {kinds}, not {domain!r}") from error


def address_literal(host: str) -> str:
    """
    Return the name in EHLO of a client that has no domain (RFC 5321 §4.1.3).

    Args:
        host: The IP address of its end of the connection; "" for a UNIX socket.

    Returns:
        The address literal; "localhost" for a UNIX socket.
    """
    if not host:
        return "localhost"
    host = plain_address(host)
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


def name_of(endpoint: object) -> str:
    """
    Return the name of an endpoint for the log.

    Args:
        endpoint: The endpoint.

    Returns:
        Its string, its ``repr``, or the name of its class if it has no ``repr`` of its own.
    """
    if isinstance(endpoint, str):
        return endpoint
    if isinstance(endpoint, tuple):
        return ":".join(map(str, endpoint))
    kind = type(endpoint)
    return repr(endpoint) if kind.__repr__ is not object.__repr__ else kind.__name__


def check_number(name: str, value: object, whole: bool = False) -> None:
    """
    Check a number that a caller has given.

    Args:
        name: The argument.
        value: Its value.
        whole: True if it must be an integer.

    Raises:
        TypeError: It is no number.
        ValueError: It is negative, or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number, not {value!r}")
    if whole and not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if not value >= 0:
        raise ValueError(f"{name} is a number from 0, not {value!r}")


def check_port(port: int) -> None:
    """
    Check the number of a port to connect to.

    Args:
        port: The number.

    Raises:
        ValueError: There is no such port.
    """
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port: a port is a number from 1 to 65535")


def check_host(host: str) -> None:
    """
    Check the name or address of a host to connect to.

    Args:
        host: A domain, or an IP address without brackets.

    Raises:
        ValueError: It is neither.
    """
    if not host:
        raise ValueError("missing: host")
    if host.startswith("["):
        raise ValueError(f"{host!r} is no host: write an IP address without brackets")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return
    try:
        path.check_domain_part(host)
    except ValueError:
        raise ValueError(f"{host!r} is no host") from None


def is_loopback(host: str) -> bool:
    """
    Return whether a host is this machine, by the loopback interface.

    Args:
        host: A name or an IP address.

    Returns:
        True for "localhost" and addresses such as 127.0.0.1.

    Example:
        >>> is_loopback("Localhost"), is_loopback("::1"), is_loopback("127.example.org")
        (True, True, False)
    """
    if asciitext.lower(host).removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain_address(host)).is_loopback
    except ValueError:
        return False
