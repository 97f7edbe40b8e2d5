"""Whatever a client sends in any order, and a milter answers: the milter sees a legal order of commands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.test_failures import Asked
from tests.milters import Milters
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, Negotiation, Steps

LINES = (
    "EHLO a", "HELO b", "MAIL FROM:<a@a>", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "RSET",
    "DATA\r\nx: y\r\n\r\nz\r\n.", "BDAT 3\r\nx:y", "BDAT 4 LAST\r\n\r\n\r\n", "VRFY b", "NONSENSE",
)  # fmt: skip
VERDICTS = (
    replies.Continue(), replies.Continue(), replies.AcceptAll(), replies.Reject(), replies.TemporaryFailure(),
    replies.DiscardMessage(), replies.ReplyCode(b"554 5.7.1 No"),
)  # fmt: skip

# What may follow in libmilter, by the class of the command before; behind a final verdict, as behind a hello.
BETWEEN = {commands.Hello, commands.Mail, commands.Quit}
CONTENT = {commands.HeaderField, commands.EndOfHeader, commands.Body, commands.EndOfMessage, commands.Abort}
NEXT: dict[type[commands.Command], set[type[commands.Command]]] = {
    commands.Connect: BETWEEN,
    commands.Hello: BETWEEN,
    commands.Mail: {commands.Recipient, commands.Abort},
    commands.Recipient: {commands.Recipient, commands.Data, *CONTENT},
    commands.Data: {commands.HeaderField, commands.EndOfHeader, commands.Abort},
    commands.HeaderField: {commands.HeaderField, commands.EndOfHeader, commands.Abort},
    commands.EndOfHeader: {commands.Body, commands.EndOfMessage, commands.Abort},
    commands.Body: {commands.Body, commands.EndOfMessage, commands.Abort},
    commands.EndOfMessage: {*BETWEEN, commands.QuitNewConnection},
    commands.Abort: BETWEEN,
}


def illegal(told: list[commands.Command], verdicts: dict[type[commands.Command], replies.Verdict]) -> list[str]:
    """Return the transitions that libmilter would not allow; it ignores an abort where there is no transaction."""
    found = []
    before: type[commands.Command] = commands.Connect
    for each in told[1:]:
        kind = type(each)
        if kind is commands.Abort and kind not in NEXT[before]:
            continue
        if kind not in NEXT[before]:
            found.append(f"{kind.__name__} behind {before.__name__}")
        final = not isinstance(verdicts.get(kind, replies.Continue()), replies.Continue)
        rejected = isinstance(verdicts.get(kind), replies.Reject | replies.TemporaryFailure | replies.ReplyCode)
        before = commands.Hello if final and not (kind is commands.Recipient and rejected) else kind
        if kind is commands.Quit:
            assert each is told[-1]
    return found


@given(
    st.sampled_from([Steps(0), Steps.SILENT_HEADERS | Steps.SILENT_BODY | Steps.NO_HELLO | Steps.NO_DATA]),
    st.lists(st.sampled_from(LINES), max_size=12),
    st.dictionaries(st.sampled_from(list(NEXT)[:-1]), st.sampled_from(VERDICTS), max_size=3),
)
def test_every_order(steps, lines, verdicts):
    script = {kind: [verdict] for kind, verdict in verdicts.items() if steps is Steps(0) or kind not in (
        commands.HeaderField, commands.Body)}  # fmt: skip
    asked = Asked(Milters(script, Negotiation(6, ALL_ACTIONS, steps)), "defer")
    asked.ask()
    for line in lines:
        if not asked.client.closed:
            assert "try again later" not in asked.ask(line).replace("unavailable - try", "")
    asked.end()
    for connection in asked.milters.connections:
        assert illegal(connection.told, verdicts) == []
