"""A search as SQL: `SearchQuery` for the tables of `txsmtpx.inbox.database_schema`."""

from __future__ import annotations

from txsmtpx.inbox.search_query import Field, SearchQuery, SearchTerm

_COLUMNS: dict[Field, str] = {
    "from": "sender",
    "to": "{recipients copies}",
    "addressed": "{sender recipients copies}",
    "cc": "copies",
    "subject": "subject",
    "message-id": "message_id",
}
"""The columns of the full-text index, by the field of the search."""

_CONDITIONS = {
    "attachment": "message.attachments > 0",
    "read": "message.read",
    "tagged": "message.id IN (SELECT message FROM tag)",
    "tag": "message.id IN (SELECT message FROM tag WHERE name = ?)",
    "mailbox": "message.id IN (SELECT message FROM mailbox WHERE name = ?)",
    "before": "message.arrived < ?",
    "after": "message.arrived >= ?",
    "larger": "message.size > ?",
    "smaller": "message.size < ?",
}

_EXCLUDED_WORDS = "message.id NOT IN (SELECT rowid FROM word WHERE word MATCH ?)"


class DatabaseQuery:
    """
    Write one search as SQL.

    The full-text index alone answers a search for words.  Other conditions join the table of messages, which takes
    longer.

    Args:
        query: The search.
        after: Find only messages with a greater number.
        hidden: True if the table has messages whose deletion can be undone.

    Example:
        >>> DatabaseQuery(SearchQuery("from:ann"), 0, hidden=False).count
        ('SELECT count(*) FROM word WHERE word MATCH ?', ['sender : "ann" *'])
    """

    def __init__(self, query: SearchQuery, after: int, hidden: bool) -> None:
        words = [term for term in query.terms if term.kind == "words"]
        wanted = [_match(term) for term in words if not term.excluded]
        excluded = [_match(term) for term in words if term.excluded]
        conditions: list[str] = []
        self._parameters: list[str | float] = []
        for term in query.terms:
            if term.kind != "words":
                condition = _CONDITIONS[term.kind]
                conditions.append(f"NOT ({condition})" if term.excluded else condition)
                self._parameters += [term.value] if "?" in condition else []
        if hidden:
            conditions.append("NOT message.deletion")
        self._table, self._id = "message", "message.id"
        if wanted:
            joined = " JOIN message ON message.id = word.rowid" if conditions else ""
            self._table, self._id = f"word{joined}", "word.rowid"
            conditions.insert(0, "word MATCH ?")
            match = " AND ".join(wanted)
            self._parameters.insert(0, f"({match}) NOT ({' OR '.join(excluded)})" if excluded else match)
        elif excluded:
            conditions.append(_EXCLUDED_WORDS)
            self._parameters.append(" OR ".join(excluded))
        if after:
            conditions.append(f"{self._id} > ?")
            self._parameters.append(after)
        self._where = f" WHERE {' AND '.join(conditions)}" if conditions else ""

    @property
    def count(self) -> tuple[str, list[str | float]]:
        """The statement that counts the messages, and its parameters."""
        return f"SELECT count(*) FROM {self._table}{self._where}", self._parameters

    def numbers(self, start: int = 0, limit: int = -1) -> tuple[str, list[str | float]]:
        """
        Return the statement that lists the numbers of the messages, newest first.

        Args:
            start: The number of messages that are left out before the first.
            limit: The most messages; -1 for all.

        Returns:
            The statement, and its parameters.
        """
        order = f" ORDER BY {self._id} DESC LIMIT ? OFFSET ?"
        return f"SELECT {self._id} FROM {self._table}{self._where}{order}", [*self._parameters, limit, start]


def _match(term: SearchTerm) -> str:
    # The words have letters, digits and symbols only (`words_of`), so the quotes enclose them safely.
    phrase = f'"{term.value}" *'
    return f"{_COLUMNS[term.field]} : {phrase}" if term.field else phrase
