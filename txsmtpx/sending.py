"""
`send_mail`: one message, one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from txsmtpx.dialog.addressing import check_message
from txsmtpx.dialog.sending import Result
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.wire.connect import connect


def send_mail(
    endpoint: Any,
    sender: str,
    recipients: Sequence[str | tuple[str, RcptOptions]],
    body: Any,
    *,
    options: MailOptions | None = None,
    **connecting: Any,
) -> Deferred[Result]:
    """
    Connect, send one message, quit.  Cancel the Deferred, and the connection is aborted.

    The Deferred fires when the server has accepted the message.  QUIT is sent then, and the connection is closed in the
    background: after the reply to QUIT, at most ``quit`` seconds later (`Timeouts`).

    Args:
        endpoint: See `connect`, as for all other keywords: ``auth``, ``tls``, ``lmtp``, ``hostname``...
        body: See `txsmtpx.SMTPClient.send`, as for what is returned and raised.
    """
    return Deferred.fromCoroutine(_send(endpoint, sender, recipients, body, options, connecting))


async def _send(
    endpoint: Any, sender: Any, recipients: Any, body: Any, options: MailOptions | None, connecting: dict[str, Any]
) -> Result:
    sender, pairs = check_message(sender, recipients, body, options)
    client = await connect(endpoint, **connecting)
    try:
        return await client.send(sender, pairs, body, options)
    finally:
        client.quit()  # in the background: it never fails, and has a time limit
