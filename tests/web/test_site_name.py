"""The name of a site, in the middle of a sentence and at its beginning."""

from __future__ import annotations

from txsmtpx.web.site_name import SiteName


def test_its_options_and_its_sentences() -> None:
    name = SiteName("queue", "queue-web")
    assert name.named("auth") == "--queue-web-auth"
    assert name.beginning == "The queue"
