"""The envelope of a message in memory: its size, and what is counted."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import tracemalloc
from itertools import zip_longest
from types import SimpleNamespace

import pytest

from txsmtpx.backends.received import (
    FEW,
    MANY,
    CompressedRecipients,
    Received,
    held_octets,
    kept_recipients,
    shared_options,
)
from txsmtpx.grammar.option_value import OriginalRecipient
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import Results


def address(n, length=200):
    """One that is like no other, and cannot be compressed much."""
    return hashlib.shake_256(b"%d" % n).hexdigest(length // 2) + "@d.example"


def copied(text):
    return "".join(list(text))


def received(content=b"", recipients=("b@localhost",), options=(), results=()):
    """A message as it has come; of each thing there is a copy that nothing else has."""
    found = Results(results)
    context = SimpleNamespace(
        sender=copied("a@b"),
        recipients=tuple(map(copied, recipients)),
        options=MailOptions(size=1),
        recipient_options=tuple(
            RcptOptions(orcpt=OriginalRecipient("rfc822", copied(each))) if each else RcptOptions()
            for _, each in zip_longest(recipients, options)
        ),
        queue_id=f"{len(content):012x}",
        connection=SimpleNamespace(
            username=None,
            peer_host="192.0.2.1",
            helo="client.example",
            with_protocol=lambda utf8: "ESMTP",
            kept_results=found,
        ),
        results=found,
    )
    return Received.of(context, bytes(bytearray(content)), 1, 1.5)


def many_facts():
    """What a filter has found: many long facts, of which some are kept."""
    return [SimpleNamespace(facts=lambda: {copied(f"fact{n}"): address(n) for n in range(50)})]


HELD = {
    "facts": {"results": many_facts()},
    "nothing": {},
    "content": {"content": b"x" * 100_000},
    "recipients": {"recipients": [address(n) for n in range(1000)]},
    "recipients alike": {"recipients": [f"user{n}@lists.example" for n in range(1000)]},
    "very long recipients": {"recipients": [address(n, 2000) for n in range(1000)]},
    "options": {
        "recipients": ["b"] * 300,
        "options": [address(n, 400) for n in range(300)],
    },
}


@pytest.mark.parametrize("what", HELD.values(), ids=HELD)
def test_what_is_counted_is_what_is_held(what):
    """By the measure of Python itself: envelopes and options count as the content does."""
    received(**what)
    gc.collect()
    tracemalloc.start()
    try:
        messages = [received(**what) for _ in range(20)]
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] / 20
    finally:
        tracemalloc.stop()
    assert 0.5 * messages[0].held < taken < 1.1 * messages[0].held


def test_many_recipients_take_little_memory():
    addresses = tuple(f"user{n}@lists.example" for n in range(1000))
    message = received(recipients=addresses)
    assert message.recipients == addresses
    assert addresses == message.recipients
    assert message.recipients == dataclasses.replace(message, content=b"").recipients
    assert message.recipients != addresses[:-1]
    assert (message.recipients[999], message.recipients[:2], len(message.recipients)) == (
        addresses[999], addresses[:2], 1000
    )  # fmt: skip
    assert hash(message.recipients) == hash(addresses)
    assert repr(message.recipients) == repr(addresses)
    assert len(message.recipient_options) == 1000
    assert message.held < 20_000


ALIKE = tuple(f"user{n}@lists.example" for n in range(1000))


@pytest.mark.parametrize(
    ("addresses", "compressed"),
    [
        ([], False),
        (["a@b"], False),
        (["x" * FEW], False),
        (["x" * FEW, "y"], True),
        (["x" * (MANY // 2)] * 2, True),
        (["x" * (MANY // 2)] * 2 + ["y"], False),
    ],
)
def test_only_a_long_list_is_compressed_and_not_the_longest(addresses, compressed):
    kept = kept_recipients(addresses)
    assert isinstance(kept, CompressedRecipients) is compressed
    assert list(kept) == addresses
    if not compressed:
        assert kept is addresses


@pytest.mark.parametrize("addresses", [("a@b",), ("",), ("jürgen@bücher.example", '"a b"@c', "\udcff@d"), ALIKE])
def test_compressed_they_are_the_same_sequence(addresses):
    kept = CompressedRecipients(addresses)
    assert (len(kept), list(kept), kept[-1], kept[:2]) == (
        len(addresses),
        list(addresses),
        addresses[-1],
        addresses[:2],
    )
    assert kept == addresses
    assert kept == CompressedRecipients(addresses)
    assert kept != CompressedRecipients((*addresses, "more"))
    assert (hash(kept), repr(kept)) == (hash(addresses), repr(addresses))
    with pytest.raises(IndexError):
        kept[len(addresses)]
    with pytest.raises(TypeError):
        kept[0] = "x"


def test_recipients_that_are_alike_take_a_tenth():
    assert CompressedRecipients(ALIKE).held < sum(map(len, ALIKE)) / 4
    assert held_octets((), CompressedRecipients(ALIKE), ()) < held_octets((), ALIKE, ()) / 10


def test_recipients_without_parameters_share_one_object():
    some = RcptOptions(notify=frozenset({"DELAY"}))
    shared = shared_options([RcptOptions(), some, RcptOptions()])
    assert shared == (RcptOptions(), some, RcptOptions())
    assert shared[0] is shared[2]
    assert shared[1] is some
    assert shared_options([]) == ()


def test_options_that_stand_twice_are_counted_once():
    one = RcptOptions(orcpt=OriginalRecipient("rfc822", copied("x" * 1000)))
    other = RcptOptions(orcpt=OriginalRecipient("rfc822", copied("x" * 1000)))
    assert 1000 < held_octets((), (), (one, one)) < 1500 < 2000 < held_octets((), (), (one, other))


def test_texts_and_recipients_are_counted():
    text = copied("x" * 1000)
    assert 1000 < held_octets((text, None), (), ()) < 1200
    assert 2000 < held_octets((), (text, copied(text)), ()) < 2400
