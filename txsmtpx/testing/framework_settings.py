"""The settings with which Django and Flask-Mail send mail to a server of the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

_DJANGO_NAMES = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
}
"""The options of Django's SMTP backend, and the settings of Django before 6.1 for them."""


class SMTPOptions(TypedDict):
    """How a client reaches a server: the options of Django's SMTP backend."""

    host: str
    port: int
    username: str
    password: str
    use_tls: bool
    use_ssl: bool


class DjangoMailer(TypedDict):
    """One mailer of ``MAILERS`` of Django 6.1."""

    BACKEND: str
    OPTIONS: SMTPOptions


class FlaskSettings(TypedDict):
    """The settings of Flask-Mail."""

    MAIL_SERVER: str
    MAIL_PORT: int
    MAIL_USERNAME: str | None
    MAIL_PASSWORD: str | None
    MAIL_USE_TLS: bool
    MAIL_USE_SSL: bool
    MAIL_SUPPRESS_SEND: bool


def smtp_options(
    host: str, port: int, users: Mapping[str, str], tls: Literal["starttls", "implicit"] | None
) -> SMTPOptions:
    """
    Return how a client reaches a server.

    Args:
        host: The address of the server.
        port: The port.
        users: The passwords by user name.  The client logs in as the first user.
        tls: "starttls", "implicit", or None for no TLS.

    Returns:
        The options; an empty user name without users.
    """
    username, password = next(iter(users.items()), ("", ""))
    return {
        "host": host,
        "port": port,
        "username": username,
        "password": password,
        "use_tls": tls == "starttls",
        "use_ssl": tls == "implicit",
    }


def django_settings(options: SMTPOptions) -> dict[str, object]:
    """
    Return the settings of the installed Django.

    Args:
        options: How a client reaches the server.

    Returns:
        ``MAILERS`` for Django 6.1 and later; ``EMAIL_BACKEND``, ``EMAIL_HOST`` and so on for an earlier one.

    Raises:
        ImportError: Django is not installed.
    """
    import django  # type: ignore[import-untyped]

    if django.VERSION >= (6, 1):
        return {"MAILERS": django_mailers(options)}
    settings = {_DJANGO_NAMES[name]: value for name, value in options.items()}
    return {"EMAIL_BACKEND": _BACKEND, **settings}


def django_mailers(options: SMTPOptions) -> dict[str, DjangoMailer]:
    """
    Return the value of ``MAILERS``, a setting of Django 6.1 and later.

    Args:
        options: How a client reaches the server.

    Returns:
        The mailer ``default``, and the same for each other alias in the project's own ``MAILERS``.

    Raises:
        ImportError: Django is not installed.
    """
    return {alias: {"BACKEND": _BACKEND, "OPTIONS": options} for alias in ["default", *_aliases()]}


def _aliases() -> Iterable[str]:
    """Return the aliases in the project's ``MAILERS``; none if the project has no settings, or an earlier Django."""
    from django.conf import settings  # type: ignore[import-untyped]
    from django.core.exceptions import ImproperlyConfigured  # type: ignore[import-untyped]

    try:
        mailers: Mapping[str, object] = getattr(settings, "MAILERS", {})
    except ImproperlyConfigured:
        return ()
    return mailers


def flask_settings(options: SMTPOptions) -> FlaskSettings:
    """
    Return the settings of Flask-Mail.

    Args:
        options: How a client reaches the server.

    Returns:
        The settings.  ``MAIL_SUPPRESS_SEND`` is False, since with ``TESTING`` Flask-Mail sends nothing by default.
    """
    return {
        "MAIL_SERVER": options["host"],
        "MAIL_PORT": options["port"],
        "MAIL_USERNAME": options["username"] or None,
        "MAIL_PASSWORD": options["password"] or None,
        "MAIL_USE_TLS": options["use_tls"],
        "MAIL_USE_SSL": options["use_ssl"],
        "MAIL_SUPPRESS_SEND": False,
    }
