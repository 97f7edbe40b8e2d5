"""The rules of the values of MAIL's and RCPT's parameters, and the decoders of the same parameters."""

from __future__ import annotations

import pytest

from tests.extensions.rows import ROWS, Row
from txsmtpx.grammar import option_value
from txsmtpx.grammar.option_value import FLAG, PRIORITY, SIZE, Rule


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_server_decodes_a_client_may_give(row: Row) -> None:
    rule = vars(option_value).get(row.field.upper(), FLAG)
    for value in row.good.values():
        assert rule.checked(row.field, value) is value


def test_a_bool_is_no_number() -> None:
    with pytest.raises(TypeError, match="x must be a whole number from -9 to 9, not True"):
        PRIORITY.checked("x", True)
    assert FLAG.checked("x", False) is False


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(TypeError) as refused:
        SIZE.checked("size", "7" * 200)
    assert str(refused.value).endswith("not '" + "7" * 99 + "...")
    with pytest.raises(TypeError) as refused:
        SIZE.checked("size", "7" * 98)
    assert str(refused.value).endswith("not '" + "7" * 98 + "'")


def test_a_value_of_a_right_type_is_a_value_error() -> None:
    rule = Rule(str, "a text without x", lambda value: "x" not in value)
    with pytest.raises(ValueError, match="name must be a text without x, not 'xy'"):
        rule.checked("name", "xy")


def test_a_number_is_from_the_least_to_the_most() -> None:
    rule = option_value._whole(-9, 9)
    assert rule.accepted == "a whole number from -9 to 9"
    assert [value for value in range(-20, 20) if rule.fits(value)] == list(range(-9, 10))


def test_a_word_is_one_of_those_that_the_error_names() -> None:
    rule = option_value._word(("A", "B", "C"))
    assert rule.accepted == "'A', 'B' or 'C'"
    assert [word for word in ("A", "B", "C", "D", "", "a") if rule.fits(word)] == ["A", "B", "C"]
