"""The templates escape what they show, and its texts of sizes and times."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from txsmtpx.web.page_environment import moment_text, page_environment, size_text


def test_for_people():
    sizes = {0: "0 B", 999: "999 B", 1000: "1.0 KB", 9_949: "9.9 KB", 9_950: "10 KB", 999_499: "999 KB",
             999_500: "1.0 MB", 32_000_000: "32 MB"}  # fmt: skip
    assert {octets: size_text(octets) for octets in sizes} == sizes
    assert moment_text("2025-06-15T15:06:40.250+00:00") == "2025-06-15 15:06 UTC"


def test_the_templates_escape_and_know_no_undefined_value():
    made = page_environment("txsmtpx.inbox")
    assert made.from_string("{{ x }} {{ n|size }}").render(x="<&>", n=2048) == "&lt;&amp;&gt; 2.0 KB"
    with pytest.raises(UndefinedError):
        made.from_string("{{ y }}").render(x=1)
