"""The result of filters that add header fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from txsmtpx.content import field
from txsmtpx.interfaces.change import Change
from txsmtpx.interfaces.content_change import AddHeader, InsertHeader, ReplaceHeader

SHOWN = 200
"""Characters of a value that are shown.  A signature of DKIM has more."""


@dataclass(frozen=True)
class AddedFields:
    """
    A result: the header fields that filters have put into a message.  `txsmtpx.FilterBackend` adds it.

    Args:
        fields: The names and the decoded values.  Those that were inserted at the top are the first.

    Example:
        >>> AddedFields((("X-Spam-Flag", "YES"), ("X-Spam-Level", "***"))).facts()
        {'added': 'X-Spam-Flag: YES; X-Spam-Level: ***'}
    """

    fields: tuple[tuple[str, str], ...] = ()

    def after(self, changes: Iterable[Change]) -> AddedFields:
        """
        Return the fields after further changes.

        Args:
            changes: The changes, in their order.  Deletions count as no change: they concern fields of the client.

        Returns:
            This object if there is no new field, otherwise another one.
        """
        fields = self.fields
        for each in changes:
            if isinstance(each, AddHeader | InsertHeader | ReplaceHeader):
                new = (each.name, each.value if isinstance(each.value, str) else field.value_text(each.value))
                fields = (new, *fields) if isinstance(each, InsertHeader) else (*fields, new)
        return self if fields is self.fields else AddedFields(fields)

    def facts(self) -> Mapping[str, str]:
        """
        Return the facts for the log and the inbox.

        Returns:
            The fields as one text.  A long value is cut.
        """
        return {"added": "; ".join(f"{name}: {_short(value)}" for name, value in self.fields)}


def _short(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}..."
