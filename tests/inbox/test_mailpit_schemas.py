"""The schemas of the API for helpers of Mailpit; tests/inbox/test_api_table.py compares them with responses."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from txsmtpx.inbox.mailpit_schemas import SCHEMAS, optional


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_fields_of_bodies_may_be_left_out():
    assert Draft202012Validator(optional({"Name": {"type": "string"}})).is_valid({})
    assert "required" not in SCHEMAS["MailpitMarks"]
