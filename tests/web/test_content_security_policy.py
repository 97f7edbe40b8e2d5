"""The policies of the responses, to the word."""

from __future__ import annotations

from txsmtpx.web.content_security_policy import MESSAGE_POLICY, PAGE_POLICY


def test_policies():
    """What they allow, to the word: a page only files of its own, a message no source that is on a network."""
    assert [each.partition(" ") for each in PAGE_POLICY.split("; ")] == [
        (name, " ", "'none'" if name in ("default-src", "base-uri", "frame-ancestors") else "'self'")
        for name in ("default-src", "script-src", "style-src", "img-src", "connect-src", "frame-src", "form-action",
                     "base-uri", "frame-ancestors")
    ]  # fmt: skip
    allowed = {each.partition(" ")[0]: each.partition(" ")[2] for each in MESSAGE_POLICY.split("; ")}
    assert allowed == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }
