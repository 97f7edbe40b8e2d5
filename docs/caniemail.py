#!/usr/bin/env python3
"""
Make txsmtpx/inbox/data/caniemail.json of the data of caniemail.com, which the npm package caniemail has.

    npm pack caniemail@1.0.5 && tar xf caniemail-1.0.5.tgz
    python docs/caniemail.py package/data/caniemail.json LICENSE > txsmtpx/inbox/data/caniemail.json

LICENSE is the file of that name in the repository https://github.com/hteumeuleu/caniemail, whose data it is.  Of each
feature and each mail client, the answer for the newest version is kept: y (supported), a (partly) or n (not).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def made(found: dict, license: str) -> str:
    """The file, with one line for each feature."""
    families, platforms = (found["nicenames"][each] for each in ("family", "platform"))
    clients = sorted({
        (family, platform)
        for feature in found["data"]
        for family, versions in feature["stats"].items()
        for platform in versions
    })  # fmt: skip
    about = {
        "source": "https://www.caniemail.com/",
        "license": license,
        "date": found["last_update_date"],
        "clients": [f"{families[family]} {platforms[platform]}" for family, platform in clients],
    }
    features = {
        each["slug"]: [each["title"], "".join(support(each, *client) for client in clients)] for each in found["data"]
    }
    head = json.dumps(about, indent=1)[:-2]
    lines = ",\n".join(f"  {json.dumps(slug)}: {json.dumps(feature)}" for slug, feature in features.items())
    return f'{head},\n "features": {{\n{lines}\n }}\n}}\n'


def support(feature: dict, family: str, platform: str) -> str:
    """The answer for the newest version of a client, "-" if there is none."""
    versions = feature["stats"].get(family, {}).get(platform, {})
    newest = list(versions.values())[-1] if versions else "-"
    return newest[0] if newest[0] in "yan" else "-"


if __name__ == "__main__":
    data, license = (Path(each).read_text(encoding="utf-8") for each in sys.argv[1:3])
    print(made(json.loads(data), license), end="")
