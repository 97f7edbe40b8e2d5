"""The URL of an AMQP broker, in the form that RabbitMQ documents, and the settings that follow it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from txsmtpx.grammar import asciitext
from txsmtpx.setting import Setting, SettingError, did_you_mean
from txsmtpx.setting_kinds import Flag, Number, Seconds
from txsmtpx.wire.description import check_host

_FORM = "write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps: for TLS"


@dataclass(frozen=True)
class AMQPURL:
    """
    The URL of a broker.  No error and no repr shows its password.

    Attributes:
        host: The host: a domain, or an IP address without brackets.
        port: The port; 5672 by default, and 5671 with TLS.
        tls: True for amqps.
        username: The user; ``"guest"`` by default, as in RabbitMQ.
        password: The password; ``"guest"`` by default.
        vhost: The virtual host; ``"/"`` by default.

    Example:
        >>> AMQPURL.parsed("amqps://mail:secret@broker.example.org/prod")
        AMQPURL(host='broker.example.org', port=5671, tls=True, username='mail', vhost='prod')
    """

    host: str
    port: int
    tls: bool
    username: str
    password: str = field(repr=False)
    vhost: str

    @classmethod
    def parsed(cls, text: str) -> AMQPURL:
        """
        Parse a URL.

        Args:
            text: The URL, without settings.

        Returns:
            The URL.

        Raises:
            ValueError: It is none, or no URL of a broker.

        Example:
            >>> AMQPURL.parsed("http://ann:secret@broker.example.org/")
            Traceback (most recent call last):
            ValueError: the URL of a broker begins with amqp: or amqps:; write amqp://USER:PASSWORD@HOST:PORT/VHOST, ...
        """
        scheme, _, rest = text.partition("://")
        if scheme not in ("amqp", "amqps") or not rest:
            raise ValueError(f"the URL of a broker begins with amqp: or amqps:; {_FORM}")
        try:
            split = urlsplit(text)
            host, port = split.hostname or "", split.port
            check_host(host)
        except ValueError:
            raise ValueError(f"the URL of the broker has no host or port that can be used; {_FORM}") from None
        if split.query or split.fragment:
            raise ValueError(f"the URL of the broker ends with its virtual host, and not with ? or #; {_FORM}")
        login, _, _ = split.netloc.rpartition("@")
        name, _, password = login.partition(":")
        vhost = split.path.removeprefix("/")
        if "/" in vhost:
            raise ValueError(f"the virtual host has a slash; write it as %2F: {vhost!r}")
        tls = scheme == "amqps"
        return cls(
            host,
            port or (5671 if tls else 5672),
            tls,
            unquote(name) if login else "guest",
            unquote(password) if login else "guest",
            unquote(vhost) or "/",
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.tls else 'amqp'}://{host}:{self.port}"


def url_and_settings(text: str, known: Iterable[Setting[object]]) -> tuple[str, dict[str, object]]:
    """
    Split the argument of an operator into a URL and the settings behind its ``?``.

    Args:
        text: The argument, such as ``amqp://localhost/?queue=mail&inline=1000``.
        known: The settings.

    Returns:
        The URL, and the values of the settings that were given, by name.

    Raises:
        ValueError: A setting is unknown, or given twice, or its value cannot be used.

    Example:
        >>> url_and_settings("amqp://localhost/?most=7", [Number("most", 1, "", "")])
        ('amqp://localhost/', {'most': 7})
    """
    url, _, query = text.partition("?")
    settings = {each.name: each for each in known}
    given: dict[str, object] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=100) if query else []
    except ValueError:
        raise ValueError("behind ? there are settings, as in ?queue=mail&inline=1000") from None
    for name, value in pairs:
        if name not in settings:
            raise ValueError(f"there is no setting {name!r}{did_you_mean(name, settings)}")
        if name in given:
            raise ValueError(f"the setting {name} is given twice")
        given[name] = _value(settings[name], value)
    return url, given


def _value(setting: Setting[object], text: str) -> object:
    """
    Read the value of a setting.

    Returns:
        The value, of the type of the setting.

    Raises:
        SettingError: It cannot be used.
    """
    value: object = text
    if isinstance(setting, Flag):
        value = {"true": True, "false": False}.get(text)
    elif isinstance(setting, Number) and asciitext.is_number(text):
        value = int(text)
    elif isinstance(setting, Seconds):
        try:
            value = float(text)
        except ValueError:
            value = text
    try:
        setting.check(value)
    except TypeError:
        raise SettingError(setting.name, f"must be {setting.accepted}, not {text[:100]!r}") from None
    return value
