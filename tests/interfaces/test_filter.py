"""The verdict of a filter is checked when it is made."""

from __future__ import annotations

import pytest

from txsmtpx import Accept


@pytest.mark.parametrize("headers", ["x", {"X-Spam-Flag": "YES"}, [("X-Spam-Flag",)], [("X-Spam-Flag", 3)]])
def test_fields_that_are_no_list_of_names_and_values_are_refused(headers):
    form = r"a list of names and values, such as \[\('X-Spam-Flag', 'YES'\)\]"
    with pytest.raises(TypeError, match=f"^Accept: headers must be {form}, not "):
        Accept(headers)
