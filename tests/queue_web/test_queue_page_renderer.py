"""The templates: they use the files of the site only."""

from __future__ import annotations

import re

from tests.queue_web.site import QueueWeb
from txsmtpx.web.static_files import static_types


async def test_a_page_uses_its_own_files(it: QueueWeb) -> None:
    tried, _ = await it.fill()
    for path, root in (("/", "./"), (f"/messages/{tried}", "../"), (f"/delete?ids={tried}", "./")):
        page = (await it.get(path)).text
        used = set(re.findall(r'(?:src|href)="(?:\./|\.\./)static/([^"]*)"', page))
        assert used == {"icon.svg", "queue.css", "site.css"}
        assert f'href="{root}static/site.css"' in page
        assert not re.search(r"https?://|<script| style=| on[a-z]+=", page)


async def test_the_files(it: QueueWeb) -> None:
    for name in ("icon.svg", "queue.css", "site.css"):
        types = static_types("txsmtpx.web") | static_types("txsmtpx.queue_web")
        answer = await it.get(f"/static/{name}")
        assert answer.headers["Content-Type"] == f"{types[name]}; charset=utf-8"
