"""The header fields of a download: any name becomes one that is safe."""

from __future__ import annotations

import pytest
from twisted.web.test.requesthelper import DummyRequest

from txsmtpx.web.download_headers import set_download_headers


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("a.eml", "attachment; filename=\"a.eml\"; filename*=UTF-8''a.eml"),
        ("\u00e4 \"b\"\r\n.eml", "attachment; filename=\"_ _b___.eml\"; filename*=UTF-8''%C3%A4%20%22b%22%0D%0A.eml"),
    ],
)
def test_a_download_has_a_name(name: str, field: str) -> None:
    request = DummyRequest([])
    set_download_headers(request, "message/rfc822", name, 5)
    assert request.responseHeaders.getRawHeaders("Content-Disposition") == [field]
    assert request.responseHeaders.getRawHeaders("Content-Length") == ["5"]
