"""
Any verdicts and changes of any filters, against a model of what `FilterBackend` does with them.

The model is a few loops over lists.  It knows no octets but whole fields, no Deferreds, and no session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from txsmtpx import (
    Accept,
    AddHeader,
    AddRecipient,
    ChangeSender,
    DeleteHeader,
    DeleteRecipient,
    Discard,
    Filter,
    FilterBackend,
    InsertHeader,
    Quarantine,
    RejectRecipient,
    ReplaceBody,
    ReplaceHeader,
    Reply,
    SMTPError,
)
from txsmtpx.testing import Conversation, RecordingBackend

OF_CLIENT = ["b@x.example", "c@x.example"]
ADDRESSES = [*OF_CLIENT, "d@x.example", "B@X.EXAMPLE"]
NAMES = ["Subject", "subject", "X-A", "X-B"]
STAGES = ("connected", "hello", "mail", "recipient", "data", "header", "end")
NO, LATER, THANKS = Reply(550, (5, 7, 1), "No"), Reply(450, (4, 7, 1), "Later"), Reply(250, (2, 0, 0), "Thanks")

names = st.sampled_from(NAMES)
values = st.sampled_from([b" 1", b"\r\n\t2", b"", b" \xff:"])
addresses = st.sampled_from(ADDRESSES)
header_changes = st.one_of(
    st.builds(AddHeader, names, values),
    st.builds(InsertHeader, st.integers(0, 4), names, values),
    st.builds(ReplaceHeader, names, values, st.integers(1, 3)),
    st.builds(DeleteHeader, names, st.one_of(st.none(), st.integers(1, 3))),
)
envelope_changes = st.one_of(
    st.builds(ChangeSender, st.sampled_from(["", "n@x.example"])),
    st.builds(AddRecipient, addresses),
    st.builds(DeleteRecipient, addresses),
    st.builds(RejectRecipient, addresses, st.sampled_from([NO, LATER])),
    st.builds(Quarantine, st.just("odd")),
)
bodies = st.builds(ReplaceBody, st.sampled_from([b"new\r\n", b"", b"no: field\r\n"]))


def accepting(*changes):
    headers = st.lists(st.tuples(st.sampled_from(["X-A", "X-H"]), st.just("h")), max_size=2)
    return st.builds(Accept, headers, st.lists(st.one_of(*changes), max_size=3), st.just(["found"]), st.booleans())


def verdicts(stage, holds):
    found = [st.none(), st.none(), st.none()]
    if stage != "end":
        found += [accepting(header_changes, envelope_changes)] * 2
    elif holds:
        found += [accepting(header_changes, envelope_changes, bodies)] * 3
    else:
        found.append(st.just(Accept(results=["found"])))
    found += [st.sampled_from([NO, LATER]), st.just(Discard())]
    if stage in ("data", "header", "end"):
        found.append(st.just(THANKS))
    return st.one_of(*found)


@st.composite
def scripts(draw):
    holds = draw(st.booleans())
    script = {stage: draw(verdicts(stage, holds)) if draw(st.booleans()) else None for stage in STAGES}
    ways = {stage: draw(st.sampled_from(["value", "fired", "later", "coroutine", "raised"])) for stage in STAGES}
    return Script(holds, script, ways, draw(st.sampled_from(OF_CLIENT)))


@dataclass
class Script:
    """The maker of a filter.  At RCPT, its verdict is about one address only."""

    holds: bool
    verdicts: dict[str, Any]
    ways: dict[str, str]
    address: str
    pending: list[Any] = field(default_factory=list)
    made: list[Any] = field(default_factory=list)

    def __call__(self, connection):
        self.made.append(Scripted(connection, self))
        return self.made[-1]

    def verdict(self, stage, address=""):
        return None if stage == "recipient" and address != self.address else self.verdicts[stage]


class Scripted(Filter):
    def __init__(self, connection, script):
        super().__init__(connection)
        self.script = script
        self.seen = []
        self.octets = b""
        self.messages = []

    def answer(self, stage, address=""):
        self.seen.append(stage)
        verdict, way = self.script.verdict(stage, address), self.script.ways[stage]
        if way == "raised" and isinstance(verdict, Reply):
            raise SMTPError.from_reply(verdict)
        if way == "fired":
            return succeed(verdict)
        if way == "later":
            waiting = Deferred()
            self.script.pending.append((waiting, verdict))
            return waiting
        return self.later(verdict) if way == "coroutine" else verdict

    async def later(self, verdict):
        return verdict

    def connected(self, connection):
        return self.answer("connected")

    def hello(self, name):
        return self.answer("hello")

    def mail(self, sender, options):
        return self.answer("mail")

    def recipient(self, address, options):
        return self.answer("recipient", address)

    def data(self, context):
        return self.answer("data")

    def header(self, header):
        return self.answer("header")

    def chunk(self, octets):
        self.octets += octets

    def end(self, size):
        assert size == len(self.octets)
        self.messages.append(self.octets)
        return self.answer("end")

    def reset(self):
        self.seen.append("reset")

    def close(self):
        self.seen.append("close")


# ---- the model


class Done(Exception):
    """The message has its reply."""


def key(text):
    return text.lower().rstrip(" ")


class Model:
    """What is to happen to one message."""

    def __init__(self, scripts, message, lmtp):
        self.scripts, self.lmtp = scripts, lmtp
        self.replies = []
        self.stored = None
        self.finished, self.passed = set(), set()
        self.early = []
        self.fields, self.separator, self.body = message
        self.sender = "a@x.example"
        self.places = []
        self.rejected = {}
        self.views = {}

    def ask(self, stage, address=""):
        """The verdict of all filters before there is a message."""
        for number, script in enumerate(self.scripts):
            if number in self.finished | self.passed:
                continue
            verdict = script.verdict(stage, address)
            if isinstance(verdict, Accept):
                self.note(number, stage, verdict)
                self.early += self.changes(verdict)
            elif verdict is not None:
                return verdict
        return None

    def note(self, number, stage, verdict):
        if verdict.final:
            (self.finished if stage in ("connected", "hello") else self.passed).add(number)

    def changes(self, verdict):
        return [*(InsertHeader(0, name, value) for name, value in reversed(verdict.headers)), *verdict.changes]

    def run(self):
        verdict = self.ask("connected")
        if isinstance(verdict, Reply):
            self.replies.append(554 if verdict.code == 550 else 421)
            return self
        self.replies.append(220)
        discards = isinstance(verdict, Discard)
        verdict = None if discards else self.ask("hello")
        if isinstance(verdict, Reply):
            self.replies += [verdict.code, 503, 503, 503, 503]
            return self
        self.replies.append(250)
        discards = discards or isinstance(verdict, Discard)
        verdict = None if discards else self.ask("mail")
        if isinstance(verdict, Reply):
            self.replies += [verdict.code, 503, 503, 503]
            return self
        self.replies.append(250)
        discards = discards or isinstance(verdict, Discard)
        accepted = 0
        for address in OF_CLIENT:
            verdict = None if discards else self.ask("recipient", address)
            if isinstance(verdict, Reply):
                self.replies.append(verdict.code)
                continue
            self.replies.append(250)
            if verdict is None:
                self.places.append((address, accepted))
            accepted += 1
        if not accepted:
            self.replies.append(503)
            return self
        self.replies.append(354)
        outcomes = [250] * accepted
        try:
            if not discards:
                self.message()
        except Done as done:
            outcomes = [done.args[0]] * accepted
        else:
            for place, reply in self.rejected.items():
                outcomes[place] = reply.code
        self.replies += outcomes if self.lmtp else [next((each for each in outcomes if each >= 400), outcomes[0])]
        return self

    def message(self):
        self.apply(self.early)
        for number in range(len(self.scripts)):
            self.act(number, "data")
        holds = any(script.holds for script in self.scripts)
        group = []
        for number, script in enumerate(self.scripts):
            group.append(number)
            if holds and not script.holds and number + 1 < len(self.scripts):
                continue
            if holds or number + 1 == len(self.scripts):
                for each in group:
                    self.views[each] = self.octets
                    self.act(each, "header")
                for each in group:
                    self.act(each, "end")
                group = []
        if not self.places and self.rejected:
            raise Done(next(iter(self.rejected.values())).code)
        if self.places:
            self.stored = (self.sender, tuple(address for address, _ in self.places), self.octets)

    def act(self, number, stage):
        if number in self.finished | self.passed:
            return
        verdict = self.scripts[number].verdict(stage)
        if isinstance(verdict, Accept):
            self.note(number, stage, verdict)
            self.apply(self.changes(verdict))
        elif isinstance(verdict, Reply):
            raise Done(verdict.code)
        elif verdict is not None:
            raise Done(250)

    @property
    def octets(self):
        return b"".join(octets for _, octets in self.fields) + self.separator + self.body

    def apply(self, changes):
        body = None
        for change in changes:
            if isinstance(change, ReplaceBody):
                body = change.body
            elif isinstance(change, ChangeSender):
                self.sender = change.address
            elif isinstance(change, AddHeader | InsertHeader | ReplaceHeader | DeleteHeader):
                self.apply_to_header(change)
            elif not isinstance(change, Quarantine):
                self.apply_to_recipients(change)
        if body is not None:
            self.body = body
            if body and not self.separator:
                self.separator = b"\r\n"

    def apply_to_recipients(self, change):
        named = [place for place in self.places if key(place[0]) == key(change.address)]
        if isinstance(change, AddRecipient):
            self.places += [] if named else [(change.address, None)]
            return
        self.places = [place for place in self.places if place not in named]
        if isinstance(change, RejectRecipient):
            self.rejected |= {at: change.reply for _, at in named if at is not None}

    def apply_to_header(self, change):
        places = [at for at, (name, _) in enumerate(self.fields) if name == key(change.name)]
        if isinstance(change, DeleteHeader):
            gone = places if change.index is None else places[change.index - 1 : change.index]
            self.fields = [each for at, each in enumerate(self.fields) if at not in gone]
            return
        new = (key(change.name), change.encoded)
        if isinstance(change, ReplaceHeader) and change.index <= len(places):
            self.fields[places[change.index - 1]] = new
            return
        if not self.fields and not self.separator and self.body:
            self.separator = b"\r\n"
        at = min(change.index, len(self.fields)) if isinstance(change, InsertHeader) else len(self.fields)
        self.fields.insert(at, new)


raw_fields = st.sampled_from(
    [b"Subject: x\r\n", b"SUBJECT:\r\n\tfolded\r\n", b"X-A : odd\r\n", b"To: b\r\n", b"x-b:\xff\r\n"]
)
messages = st.tuples(
    st.lists(raw_fields, max_size=4),
    st.sampled_from([b"\r\n", b""]),
    st.sampled_from([b"", b"body\r\n", b" blank\r\n"]),
)


def conversation(scripts, octets, lmtp, segment):
    """The codes of all replies, and the backend."""
    backend, clock = RecordingBackend(), Clock()
    client = Conversation(FilterBackend(backend, *scripts, reactor=clock), clock=clock, lmtp=lmtp)
    replies = []

    def take():
        while True:
            waiting = [each for script in scripts for each in script.pending]
            for script in scripts:
                script.pending.clear()
            for deferred, verdict in waiting:
                deferred.callback(verdict)
            if not waiting:
                break
        found = [line for line in client.replies() if line[3:4] == " "]
        replies.extend(int(line[:3]) for line in found)
        return found

    take()
    hello = "LHLO a" if lmtp else "EHLO a"
    for line in (hello, "MAIL FROM:<a@x.example>", *(f"RCPT TO:<{each}>" for each in OF_CLIENT), "DATA"):
        client.send(f"{line}\r\n".encode())
        said = take()
    if said and said[-1].startswith("354"):
        data = octets + b".\r\n"
        for at in range(0, len(data), segment):
            client.send(data[at : at + segment])
            take()
    client.hang_up()
    return replies, backend


@settings(max_examples=200)
@given(st.booleans(), st.lists(scripts(), min_size=1, max_size=3), messages, st.sampled_from([1, 5, 1000]))
def test_any_verdicts(lmtp, given_scripts, given_message, segment):
    fields, separator, body = given_message
    if not separator and fields and body.startswith(b" "):
        body = b""  # it would continue the last field
    octets = b"".join(fields) + separator + body
    named = [(key(each.partition(b":")[0].decode("latin-1")), each) for each in fields]
    model = Model(given_scripts, (named, separator, body), lmtp).run()
    replies, backend = conversation(given_scripts, octets, lmtp, segment)
    assert replies == model.replies
    stored = [(each.sender, each.recipients, each.content) for each in backend.messages]
    assert stored == ([model.stored] if model.stored else [])
    for number, script in enumerate(given_scripts):
        for made in script.made:
            assert made.seen[-1] == "close"
            assert made.seen.count("close") == 1
            in_transaction = any(stage in made.seen for stage in STAGES[2:])
            assert made.seen.count("reset") == in_transaction
            if made.messages:
                assert made.messages == [model.views[number]]
    assert backend.methods.count("reset") == backend.methods.count("mail")
    assert backend.methods.count("logout") == backend.methods.count("anonymous_login")
