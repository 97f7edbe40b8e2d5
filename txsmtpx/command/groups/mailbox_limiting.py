"""The limits of the mailboxes of the web inbox."""

from __future__ import annotations

from typing import cast

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.kind import Kind
from txsmtpx.command.option import Values, repeated
from txsmtpx.command.plugin_settings import parsed_settings
from txsmtpx.inbox.inbox_settings import SETTINGS
from txsmtpx.inbox.store_limits import MailboxLimits, StoreLimits
from txsmtpx.setting import did_you_mean


def _name(chosen: Chosen) -> str:
    from txsmtpx.inbox.mailbox_name import KINDS, mailbox_name  # which import twisted.web

    return chosen.use if chosen.use in KINDS else mailbox_name(chosen.use)


def _mailbox_limit(text: str) -> Chosen:
    from txsmtpx.inbox.mailbox_name import KINDS  # which imports twisted.web

    chosen = Chosen.from_text("mailbox-limit", text)
    try:
        _name(chosen)
    except ValueError:
        names = "recipient, login or tag, or with the name of one, such as recipient:ann@example.org"
        kind = chosen.use.partition(":")[0]
        near = "" if kind in KINDS else did_you_mean(kind, KINDS)
        raise ValueError(f"begins with {names}, not with {chosen.use!r}{near}") from None
    if not chosen.settings:
        raise ValueError(f"needs a limit, such as '{chosen.use} max-messages=100'")
    return chosen


MAILBOX_LIMIT = repeated(
    "mailbox-limit",
    Kind("LIMIT", (str,), _mailbox_limit, lambda chosen: cast(Chosen, chosen).text),
    "Limit mailboxes of the web inbox.  The first word is recipient, login or tag for all of a kind, or a name.  "
    "The limits follow, as in 'recipient max-messages=100 max-octets=10M max-age=7d'.",
    about="process",
)


def mailbox_limits(values: Values) -> MailboxLimits:
    """
    Return the limits of the mailboxes.

    Args:
        values: The values of the options.

    Returns:
        The limits.

    Raises:
        OptionError: A limit is wrong, or a mailbox has two.
    """
    found: dict[str, StoreLimits] = {}
    for chosen in values[MAILBOX_LIMIT]:
        given = parsed_settings(chosen, "a mailbox", SETTINGS)
        name = _name(chosen)
        if name in found:
            raise chosen.unusable("this mailbox has limits already; write all of them in one option")
        found[name] = StoreLimits(
            cast(int | None, given.get("max_messages")),
            cast(int | None, given.get("max_octets")),
            cast(float | None, given.get("max_age") or None),
        )
    return MailboxLimits(found)
