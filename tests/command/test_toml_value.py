"""Values of TOML: their types, and what the command line would have in their place."""

from __future__ import annotations

from datetime import date

import pytest

from txsmtpx.command.given import GivenTable
from txsmtpx.command.kind import FLAG, SIZE, TEXT, Kind
from txsmtpx.command.option import option, repeated
from txsmtpx.command.toml_value import as_given, wrong_type

TABLE = Kind("T", (str, dict), str, read_table=lambda table: table.place)
TABLES = repeated("t", TABLE, "T.")


def made(number, content):
    return GivenTable(content, f"f:{number}: t", {})


@pytest.mark.parametrize(
    ("about", "value", "error"),
    [
        (option("a", TEXT, "A.", ""), "x", None),
        (option("a", TEXT, "A.", ""), 5, "must be a string, not a number: 5"),
        (option("a", TEXT, "A.", ""), ["x"], "must be a string, not a list"),
        (option("a", SIZE, "A.", 1), 1.5, "must be a number or a string, not a fraction: 1.5"),
        (option("a", FLAG, "A.", False), "yes", "must be true or false, not a string: 'yes'"),
        (option("a", FLAG, "A.", False), date(2026, 1, 1), "must be true or false, not a date"),
        (repeated("a", TEXT, "A."), ["x", 5], "must be a string, or a list of them, not a number: 5"),
        (repeated("a", TEXT, "A.", secret=True), 5, "must be a string, or a list of them, not a number"),
        (repeated("a", TEXT, "A."), [{"x": 1}], "must be a string, or a list of them, not a table"),
        (TABLES, [{"x": 1}, "x"], None),
        (TABLES, {"x": 1}, None),
        (TABLES, [["x"]], "must be a string or a table, or a list of them, not a list"),
    ],
)
def test_types(about, value, error):
    assert wrong_type(about, value) == error


def test_as_the_command_line_has_them():
    assert as_given(option("a", SIZE, "A.", 1), 5) == "5"
    assert as_given(option("a", FLAG, "A.", True), False) is False
    assert as_given(option("a", TABLE, "A.", None), "x", made) == "x"
    assert as_given(option("a", TABLE, "A.", None), {"x": 1}, made) == made(0, {"x": 1})
    assert as_given(repeated("a", TEXT, "A."), "x") == ["x"]
    assert as_given(repeated("a", TEXT, "A."), ["x", "y"]) == ["x", "y"]


def test_tables_have_their_numbers():
    given = as_given(TABLES, [{"x": 1}, "y", {}], lambda number, content: GivenTable(content, f"at {number}", {}))
    assert given == [GivenTable({"x": 1}, "at 0", {}), "y", GivenTable({}, "at 2", {})]
    assert isinstance(given, list)
    assert TABLES.read(given) == ("at 0", "y", "at 2")
