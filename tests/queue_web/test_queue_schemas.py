"""The schemas; `test_queue_routes` compares the responses with them."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from txsmtpx.queue_web.queue_schemas import SCHEMAS


def test_a_selection_is_not_empty() -> None:
    selection = Draft202012Validator(SCHEMAS["Selection"])
    assert selection.is_valid({"ids": ["x"], "state": "held"})
    for wrong in ({}, {"ids": []}, {"state": "delivered"}, {"x": "y"}):
        assert not selection.is_valid(wrong)


def test_the_names() -> None:
    assert all(name.isidentifier() and name[0].isupper() for name in SCHEMAS)
