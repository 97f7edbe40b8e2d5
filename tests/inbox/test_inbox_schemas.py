"""The schemas of the inbox's own API; tests/inbox/test_api_table.py compares them with responses."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from tests.inbox.documented import Documented
from txsmtpx.inbox.inbox_schemas import SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_releases_are_optional(web):
    assert "releases" in SCHEMAS["Message"]["properties"]
    assert "releases" not in SCHEMAS["Message"]["required"]
    web.keep(b"")
    Documented(web).check("GET", "/messages/{id}", web.get("/api/messages/1"))
