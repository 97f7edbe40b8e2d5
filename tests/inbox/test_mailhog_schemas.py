"""The schemas of the API for helpers of MailHog; tests/inbox/test_api_table.py compares them with responses."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from txsmtpx.inbox.mailhog_schemas import SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
