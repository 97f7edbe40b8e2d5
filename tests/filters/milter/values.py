"""Strategies of hypothesis for what the milter protocol carries."""

from __future__ import annotations

from hypothesis import strategies as st

from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import Actions, Negotiation, Steps

TEXT = st.binary(max_size=30).filter(lambda text: b"\0" not in text)
TEXTS = st.lists(TEXT, max_size=4).map(tuple)
OCTETS = st.binary(max_size=200)
WORDS = st.lists(st.from_regex(rb"[!-+\--~]{1,12}", fullmatch=True), max_size=4).map(tuple)
NUMBER = st.integers(0, 2**32 - 1)

NEGOTIATION = st.builds(
    Negotiation,
    NUMBER,
    NUMBER.map(Actions),
    NUMBER.map(Steps),
    st.dictionaries(NUMBER, WORDS, max_size=3),
)
CONNECT = st.one_of(
    st.builds(commands.Connect, TEXT),
    st.builds(commands.Connect, TEXT, st.sampled_from([b"4", b"6", b"L"]), st.integers(0, 65535), TEXT),
)
COMMAND = st.one_of(
    NEGOTIATION,
    st.builds(commands.Macros, st.sampled_from([b"C", b"M"]), st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple)),
    CONNECT,
    st.builds(commands.Hello, TEXT),
    st.builds(commands.Mail, TEXT, TEXTS),
    st.builds(commands.Recipient, TEXT, TEXTS),
    st.just(commands.Data()),
    st.builds(commands.HeaderField, TEXT, TEXT),
    st.just(commands.EndOfHeader()),
    st.builds(commands.Body, OCTETS),
    st.builds(commands.EndOfMessage, OCTETS),
    st.builds(commands.Unknown, TEXT),
    st.just(commands.Abort()),
    st.just(commands.Quit()),
    st.just(commands.QuitNewConnection()),
)
VERDICT = st.one_of(
    *map(st.just, [
        replies.Continue(), replies.AcceptAll(), replies.DiscardMessage(), replies.Reject(),
        replies.TemporaryFailure(), replies.Skip(), replies.Shutdown(), replies.ConnectionFailure(),
    ]),
    st.builds(replies.ReplyCode, TEXT),
)  # fmt: skip
MODIFICATION = st.one_of(
    st.builds(replies.AddHeader, TEXT, TEXT),
    st.builds(replies.InsertHeader, NUMBER, TEXT, TEXT),
    st.builds(replies.ChangeHeader, NUMBER, TEXT, TEXT),
    st.builds(replies.ChangeSender, TEXT, TEXT),
    st.builds(replies.AddRecipient, TEXT),
    st.builds(replies.AddRecipientWithArguments, TEXT, TEXT),
    st.builds(replies.DeleteRecipient, TEXT),
    st.builds(replies.ReplaceBody, OCTETS),
    st.builds(replies.Quarantine, TEXT),
)
REPLY = st.one_of(
    VERDICT,
    MODIFICATION,
    NEGOTIATION,
    st.just(replies.Progress()),
    st.builds(replies.SetMacros, NUMBER, WORDS),
)
