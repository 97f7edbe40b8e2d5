"""The options of MAIL and RCPT: their arguments are checked when they are given (guarantee 27)."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args, get_type_hints

import pytest

from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions

SOON = datetime(2030, 1, 31, 12, tzinfo=UTC)

REFUSED: dict[type[Options], list[tuple[str, list[object], list[object], str]]] = {
    MailOptions: [  # the argument, values of a wrong type, values that cannot be sent, what is allowed
        ("size", ["10", True, False, 1.5], [-1, 10**20], "a whole number from 0 to 99999999999999999999 (octets)"),
        ("body", [7, True, b"7BIT"], ["", "7bit", "8BIT", "7BIT\r\nRSET"], "'7BIT', '8BITMIME' or 'BINARYMIME'"),
        ("smtputf8", ["zzz", "", None, 0, 1], [], "True or False"),
        ("auth", [5, True, b"a@b"], ["me", "a@b\r\nRSET", "<a@b>"], "an address, or '' for an unknown identity"),
        ("ret", [1, True], ["full", "ALL", ""], "'FULL' or 'HDRS'"),
        ("envid", [5, True, b"x"], ["", "x" * 101, "a\nb", "\u00fc"], "1 to 100 printable characters of ASCII"),
        ("prdr", ["yes", 0, 1], [], "True or False"),
        ("requiretls", ["yes", None, 1], [], "True or False"),
        ("deliver_by", [3600, (3600, "R"), True],
         [DeliverBy("60", "R"), DeliverBy(True, "N"), DeliverBy(0, "R"), DeliverBy(10**9, "N"), DeliverBy(60, "r"),
          DeliverBy(60, "N", "T"), DeliverBy(-(10**9), "N"), DeliverBy(6.5, "N")],
         "a DeliverBy of 1 to 999999999 seconds with 'R', or of -999999999 to 999999999 seconds with 'N'"),
        ("priority", ["1", True, 1.5], [-10, 10], "a whole number from -9 to 9"),
        ("hold_for", ["x", True, 1.5], [0, -1, 10**9], "a whole number from 1 to 999999999 (seconds)"),
        ("hold_until", ["2030-01-31T12:00:00Z", 5, True],
         [datetime(2030, 1, 31), datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))],
         "a datetime with a time zone, whose year in UTC is from 1 to 9999"),
    ],
    RcptOptions: [
        ("notify", [5, True], ["SUCCESS", b"DELAY", ["ALWAYS"], [5], ["NEVER"], {"delay"}],
         "a list of 'SUCCESS', 'FAILURE' or 'DELAY', or [] for NEVER"),
        ("orcpt", ["rfc822;a@b", ("rfc822", "a@b"), True],
         [OriginalRecipient("", "a@b"), OriginalRecipient("rfc822", ""), OriginalRecipient("rfc822", 5)],
         "an OriginalRecipient with the texts type and address, none of them empty"),
        ("valid_since", [SOON, (SOON, "R"), True],
         [ValidSince(SOON, "r"), ValidSince("now", "R"), ValidSince(datetime(2030, 1, 31), "C"), ValidSince(SOON, 5)],
         "a ValidSince of a datetime with a time zone, and 'R' or 'C'"),
    ],
}  # fmt: skip
CASES = [
    (kind, name, value, error, allowed)
    for kind, rows in REFUSED.items()
    for name, wrong, unusable, allowed in rows
    for values, error in ((wrong, TypeError), (unusable, ValueError))
    for value in values
]


@pytest.mark.parametrize(("kind", "name", "value", "error", "allowed"), CASES)
def test_an_argument_that_cannot_be_sent_is_refused(
    kind: Any, name: str, value: object, error: type[Exception], allowed: str
) -> None:
    with pytest.raises(error) as refused:
        kind(**{name: value})
    assert type(refused.value) is error
    text = repr(value)
    shown = text if len(text) <= 100 else f"{text[:100]}..."
    assert str(refused.value) == f"{kind.__name__}: {name} must be {allowed}, not {shown}"


@pytest.mark.parametrize("kind", REFUSED)
def test_the_table_has_every_argument(kind: Any) -> None:
    """Each parameter of the registry's extensions has its argument, its attribute, and its row above."""
    arguments = set(inspect.signature(kind).parameters)
    of = "mail" if kind is MailOptions else "rcpt"
    assert arguments == {each.field for extension in EXTENSIONS for each in getattr(extension, of)}
    assert arguments == {row[0] for row in REFUSED[kind]} == set(get_type_hints(kind))


@pytest.mark.parametrize("kind", REFUSED)
def test_a_default_is_the_attribute_of_the_class(kind: Any) -> None:
    """But for the body and PRDR, which the client chooses if the argument is None."""
    for name, parameter in inspect.signature(kind).parameters.items():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert (parameter.default, getattr(kind, name)) in [(None, None), (False, False), (None, "7BIT"), (None, False)]
        assert vars(kind(**{name: parameter.default})) == {}


def test_no_such_argument() -> None:
    with pytest.raises(TypeError, match=r"MailOptions.*'sise'"):
        MailOptions(sise=1)  # type: ignore[call-arg]


def test_each_collection_of_events_is_taken() -> None:
    for given in (["DELAY"], ("DELAY",), {"DELAY"}, frozenset(["DELAY"]), {"DELAY": 1}.keys()):
        assert RcptOptions(notify=given).notify == frozenset(["DELAY"])  # type: ignore[arg-type]
    assert RcptOptions(notify=[]).notify == frozenset()


def test_the_least_and_the_most() -> None:
    assert MailOptions(size=0).size == 0
    assert MailOptions(size=10**20 - 1).size == 10**20 - 1
    assert [MailOptions(priority=each).priority for each in (-9, 0, 9)] == [-9, 0, 9]
    assert [MailOptions(hold_for=each).hold_for for each in (1, 10**9 - 1)] == [1, 10**9 - 1]
    assert MailOptions(envid="x" * 100).envid == "x" * 100
    assert MailOptions(auth="").auth == ""
    for by in (DeliverBy(1, "R"), DeliverBy(10**9 - 1, "R", True), DeliverBy(1 - 10**9, "N"), DeliverBy(0, "N")):
        assert MailOptions(deliver_by=by).deliver_by == by
    assert get_args(get_type_hints(MailOptions)["body"]) == ("7BIT", "8BITMIME", "BINARYMIME")


def test_values_of_one_are_not_values_of_another() -> None:
    one, other = MailOptions(size=1), MailOptions()
    assert (one.size, other.size, MailOptions.size) == (1, None, None)
    assert one != other
    assert other != RcptOptions()


def test_what_they_look_like() -> None:
    assert repr(MailOptions(size=3, ret="FULL")) == "MailOptions(size=3, ret='FULL')"
    assert repr(RcptOptions()) == "RcptOptions()"
