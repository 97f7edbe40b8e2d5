"""
The floors, drawn: the picture in text on the page of the architecture becomes one in SVG.

The text is what tests compare with the package; so there is one picture, which is good to look at in both forms.  Its
colours are those of the text around it, in light and in dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

_PICTURE = re.compile(r"^```text\n( +your backend.*?)^```$", re.MULTILINE | re.DOTALL)
_ROOM = re.compile(r"  (?=.{9}\|)(\w*) +\|(.*)\|(.*)")

WIDTH, LEFT, MIDDLE, RIGHT = 780, 90, 360, 560
LINE, PADDING, GAP = 22, 16, 34
BETWEEN = " \N{MIDDLE DOT} "


def rooms(text: str) -> dict[str, list[tuple[str, str, str]]]:
    """Floor to its lines: rooms of the server or of both ends, rooms of the client, and words about it."""
    floors: dict[str, list[tuple[str, str, str]]] = {}
    floor = ""
    for line in text.splitlines():
        if match := _ROOM.match(line):
            floor = match[1] or floor
            if match[2].strip().startswith(("extensions", "sasl")):
                continue
            server, _, client = re.sub(r" {4,}", "\0", match[2].strip()).partition("\0")
            floors.setdefault(floor, []).append((server, client.strip(), match[3].strip()))
    return floors


def drawn(text: str) -> str:
    """The picture in SVG."""
    floors = rooms(text)
    parts = [_text(LEFT + 16, 20, "your backend, your sessions"), _text(MIDDLE, 20, "your send_mail, SMTPClient")]
    between = {"dialog": "extensions", "grammar": "sasl"}
    top = 34
    for floor, lines in floors.items():
        parts += [_arrow(LEFT + 90, top - 4, top + GAP - 8), _arrow(MIDDLE + 60, top - 4, top + GAP - 8)]
        parts.append(_text(LEFT + 110, top + 18, between.get(floor, ""), faint=True))
        top += GAP
        height = len(lines) * LINE + PADDING
        parts += _floor(floor, lines, top, height)
        top += height + 6
    label = "The floors: wire, extensions, dialog, sasl, grammar, with the rooms of server and client"
    return (
        f'<svg viewBox="0 0 {WIDTH} {top + 4}" role="img" aria-label="{label}" width="100%" fill="currentColor" '
        f'font-family="inherit" font-size="13">{"".join(parts)}</svg>'
    )


def _floor(name: str, lines: list[tuple[str, str, str]], top: int, height: int) -> Iterator[str]:
    yield (
        f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{height}" rx="6" fill="currentColor" '
        'fill-opacity="0.06" stroke="currentColor" stroke-opacity="0.5"/>'
    )
    yield _text(10, top + 24, name, bold=True)
    for number, (server, client, words) in enumerate(lines):
        y = top + 24 + number * LINE
        yield from (_text(LEFT + 16, y, server), _text(MIDDLE, y, client), _text(RIGHT + 14, y, words, faint=True))


def _text(x: int, y: int, text: str, bold: bool = False, faint: bool = False) -> str:
    if not text:
        return ""
    style = ' font-weight="bold"' if bold else ' fill-opacity="0.7"' if faint else ""
    return f'<text x="{x}" y="{y}"{style}>{escape(text.replace("  ", BETWEEN))}</text>'


def _arrow(x: int, top: int, bottom: int) -> str:
    head = f"M{x - 4} {bottom - 6}L{x} {bottom}L{x + 4} {bottom - 6}"
    return f'<path d="M{x} {top}V{bottom}{head}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>'


def _read(app: Any, docname: str, source: list[str]) -> None:
    if docname == "architecture":
        picture = _PICTURE.search(source[0])
        if picture is None:
            raise ValueError("the page of the architecture has no picture")
        source[0] = source[0].replace(picture[0], f"<div>{drawn(picture[1])}</div>")


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
