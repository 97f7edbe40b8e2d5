"""The files of a site."""

from __future__ import annotations

from txsmtpx.web.static_files import static_files, static_types


def test_each_file_has_a_type() -> None:
    types = static_types("txsmtpx.web") | static_types("txsmtpx.inbox")
    assert types["site.css"] == "text/css"
    assert set(types.values()) == {"text/css", "text/javascript", "image/svg+xml"}
    assert {each.decode() for each in static_files("txsmtpx.web", "txsmtpx.inbox").children} == set(types)
