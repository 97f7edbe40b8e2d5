"""A backend, named to ``twistd smtpx --backend``, which refuses some recipients at RCPT and some after DATA."""

from __future__ import annotations

from typing import Any

from txsmtpx import OpenBackend, Session, SMTPError

AT_RCPT = {"unknown": (550, (5, 1, 1), "No such mailbox here"), "greylisted": (451, (4, 7, 1), "Come back later")}
AFTER_DATA = {"full": (552, (5, 2, 2), "The mailbox is full"), "busy": (451, (4, 2, 1), "The mailbox is locked")}


class RefusingSession(Session):
    """Judges by the local part, and keeps nothing."""

    def rcpt(self, recipient: str, options: object) -> None:
        """Refuse those of the first table."""
        _refuse(recipient, AT_RCPT)

    async def data(self, message: Any, context: Any) -> None:
        """Refuse those of the second."""
        async for _ in message:
            pass
        for recipient in context.recipients:
            try:
                _refuse(recipient, AFTER_DATA)
            except SMTPError as refusal:
                context.set_status(recipient, refusal)


def _refuse(recipient: str, refusals: dict[str, tuple[int, tuple[int, int, int], str]]) -> None:
    local_part = recipient.partition("@")[0]
    if local_part in refusals:
        raise SMTPError(*refusals[local_part])


backend = OpenBackend(lambda connection: RefusingSession())
