"""The webhook of the web inbox: a request for each message that arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from txsmtpx.command.kind import FILE, URL
from txsmtpx.command.option import Option, Values, option
from txsmtpx.command.sockets import Sockets
from txsmtpx.interfaces import Reactor

if TYPE_CHECKING:
    from txsmtpx.backends.http_signature import WebhookSecret
    from txsmtpx.inbox.webhook import Webhook


HOOK_URL: Option[str | None] = option(
    "webhook",
    URL,
    "Send each new message of the web inbox to a web application, as the API lists it.",
    None,
    about="process",
)
SECRET = option(
    "webhook-secret",
    FILE,
    "Sign the requests of --webhook as Standard Webhooks are, with the secret in a file: whsec_...",
    None,
    about="process",
)
HOOK: tuple[Option[object], ...] = (HOOK_URL, SECRET)


def webhook_of(values: Values, reactor: Sockets) -> Webhook | None:
    """
    Return what sends the requests.

    Args:
        values: The values of the options.
        reactor: The reactor of the process.

    Returns:
        It; None without ``--webhook``.

    Raises:
        OptionError: The URL or the file cannot be used, or the extra is not installed.
    """
    text = values[HOOK_URL]
    if text is None:
        if values[SECRET] is not None:
            raise SECRET.fault(values[SECRET], "there is no webhook; add", HOOK_URL.name)
        return None
    secret = _secret(values[SECRET])
    try:
        from txsmtpx.inbox.webhook import CONNECTIONS, TIMEOUT, Webhook
        from txsmtpx.wire.web_request import WebClient
        from txsmtpx.wire.web_url import WebURL

        client = WebClient(cast(Reactor, reactor), timeout=TIMEOUT, connections=CONNECTIONS)
        return Webhook(WebURL.parsed(text), client, secret)
    except ImportError as error:
        raise HOOK_URL.fault(text, f"it needs treq ({error}); pip install 'txsmtpx[http]'") from error
    except ValueError as error:
        raise HOOK_URL.fault(text, str(error)) from error


def _secret(path: str | None) -> WebhookSecret | None:
    if path is None:
        return None
    from txsmtpx.backends.http_signature import WebhookSecret

    try:
        with open(path, encoding="utf-8") as file:
            return WebhookSecret(file.read().strip())
    except OSError as error:
        raise SECRET.fault(path, f"cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise SECRET.fault(path, f"the secret {error}") from error
