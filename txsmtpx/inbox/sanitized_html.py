"""
The HTML of a message, written anew so that a browser can show it: nothing of it runs, and nothing of it is loaded.

The input is read as a row of tags and texts, never as a tree, in time that grows with its length only.  All that is
written are tags of `ELEMENTS` with attributes of `ATTRIBUTES`, their values quoted, and texts without a ``<``.  So it
does not matter whether a browser would have read the input as we do: what it gets has one reading.

This is the inner of two fences.  The outer one is the Content-Security-Policy with which the result is served
(`txsmtpx.inbox.content_security_policy`); it is blind to what ``<link rel=preconnect>`` does, hence this one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from txsmtpx.inbox.character_references import unescape


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS = _words(
    "a abbr address area article aside b bdi bdo big blockquote body br caption center cite code col colgroup dd del "
    "details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i img ins kbd li "
    "main map mark menu nav nobr ol p pre q rp rt ruby s samp section small span strike strong sub summary sup table "
    "tbody td tfoot th thead time tr tt u ul var wbr"
)

INLINE = _words(
    "a abbr b bdi bdo big cite code del dfn em font i img ins kbd mark nobr q s samp small span strike strong sub sup "
    "time tt u var wbr"
)
"""Those that do not end a line of text."""

ATTRIBUTES = _words(
    "abbr align alt bgcolor border cellpadding cellspacing cite class clear color colspan compact coords dir face "
    "headers height hspace id lang noshade nowrap open reversed role rowspan rules scope shape size span start style "
    "summary title type usemap valign value vspace width"
)
"""Those that are text and nothing else.  ``href``, ``src`` and ``background`` are looked at one by one."""

_LOOKED_AT = ATTRIBUTES | {"href", "src", "background"}

RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.ASCII | re.IGNORECASE) for name in (
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "object", "svg", "math",
    "template", "audio", "video", "select",
)}  # fmt: skip
"""Elements that go with all that is in them, but for ``style``."""

MAX_LENGTH = 4 * 1024 * 1024
"""Characters of HTML that are read, the rest is cut off."""

MAX_TAGS = 100_000
"""Tags of it."""

MAX_WRITTEN = 8 * 1024 * 1024
"""Characters that are written, without images: a character may become six, such as ``&quot;``."""

MAX_INLINED = 32 * 1024 * 1024
"""Octets of images that may be written into one page, where an image may be asked for again and again."""

_BEGIN = re.compile(r"<(?=[a-zA-Z/!?])")
_NAME = re.compile(r"/?[a-zA-Z][^\s/>]*+")
_ATTRIBUTE = re.compile(r"""[\s/]*+(?:([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?|=)""")
_REST_OF_TAG = re.compile(r"""(?:[\s/]*+(?:[^\s/>=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?|=))*+[\s/]*+>""")
# In ASCII: U+017F is no s to a browser, and what has no scheme for it leads into the inbox.
_LINK = re.compile(r"(?:https?|mailto|tel):", re.ASCII | re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?:)?//", re.ASCII | re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|avif|bmp);base64,[a-z0-9+/=\s]*", re.ASCII | re.IGNORECASE)
_CSS_CID = re.compile(r"""url\(\s*+(["']?)cid:([^"'()\s]++)\1\s*+\)""", re.ASCII | re.IGNORECASE)
_CSS_REMOTE = re.compile(r"""url\(\s*+["']?\s*+(?:https?:)?//""", re.ASCII | re.IGNORECASE)

Image = Callable[[str], str | None]
"""The ``data:`` URL of the image with this Content-ID, None where there is none."""


class SanitizedHtml:
    """
    HTML of a message, made safe.

    Attributes:
        html: The result, without ``<!DOCTYPE>``.
        remote: How many references to images and styles elsewhere have been dropped.
        cut: Whether there was too much of it.

    Args:
        max_inlined: Octets of images that may be written into it.
    """

    def __init__(self, source: str, image: Image, max_inlined: int = MAX_INLINED) -> None:
        self.remote = 0
        self.cut = len(source) > MAX_LENGTH
        self._image = image
        self._max_inlined = max_inlined
        self._inlined = 0
        self._source = source[:MAX_LENGTH]
        self._written: list[str] = []
        self._length = 0
        self._read()
        self.html = "".join(self._written)

    def _read(self) -> None:
        at = tags = 0
        while (begin := _BEGIN.search(self._source, at)) is not None:
            if begin.start() > at:
                self._text(self._source[at : begin.start()])
            tags += 1
            if tags > MAX_TAGS or self._length - self._inlined > MAX_WRITTEN:
                self.cut = True
                return
            at = self._markup(begin.start())
        self._text(self._source[at:])

    def _markup(self, less: int) -> int:
        """Read what begins with the ``<`` at ``less``; where it ends, the end of the input if nothing ends it."""
        source = self._source
        if source.startswith("<!--", less):
            return _behind(source, "-->", less + 4)
        name = _NAME.match(source, less + 1)
        return _behind(source, ">", less) if name is None else self._tag(name.group().lower(), name.end())

    def _tag(self, name: str, at: int) -> int:
        rest = _REST_OF_TAG.match(self._source, at)
        if rest is None:
            return len(self._source)
        if name in RAW:
            return self._raw(name, rest)
        if name in ELEMENTS:
            self._append(f"<{name}{self._attributes(name, rest)}>")
        elif name.removeprefix("/") in ELEMENTS:
            self._append(f"<{name}>")
        return rest.end()

    def _raw(self, name: str, rest: re.Match[str]) -> int:
        at = rest.end()
        end = RAW[name].search(self._source, at)
        content = self._source[at:] if end is None else self._source[at : end.start()]
        if name == "style":
            # Without a "<" in it, nothing in it ends it.
            css = self._css(content.replace("<!--", "").replace("-->", "")).replace("<", r"\3c ")
            self._append(f"<style{self._attributes('style', rest)}>{css}</style>")
        return len(self._source) if end is None else _behind(self._source, ">", end.start())

    def _text(self, text: str) -> None:
        self._append(text.replace("<", "&lt;").replace(">", "&gt;"))

    def _append(self, written: str) -> None:
        self._written.append(written)
        self._length += len(written)

    def _attributes(self, element: str, rest: re.Match[str]) -> str:
        """The attributes of a tag as they are written, read from what stands behind its name."""
        if rest.end() - rest.start() == 1:
            return ""
        found: dict[str, str] = {}
        for attribute in _ATTRIBUTE.finditer(self._source, rest.start(), rest.end() - 1):
            name = (attribute[1] or "").lower()
            if name in _LOOKED_AT and name not in found:
                found[name] = unescape(attribute[2] or attribute[3] or attribute[4] or "")
        kept = {name: value for name, value in found.items() if name in ATTRIBUTES}
        if "style" in kept:
            kept["style"] = self._css(kept["style"])
        if element in ("a", "area") and "href" in found:
            kept |= _link(found["href"].strip())
        for name in ("src", "background"):
            if name in found and (image := self._local(found[name].strip())):
                kept[name] = image
        return "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())

    def _local(self, url: str) -> str | None:
        """What stands for the image at ``url`` in a page that loads nothing."""
        if url[:4].lower() == "cid:":
            return self._inline(url[4:])
        if _DATA_IMAGE.fullmatch(url):
            return url
        self.remote += _REMOTE.match(url) is not None
        return None

    def _inline(self, content_id: str) -> str | None:
        image = self._image(content_id)
        if image is None or self._inlined + len(image) > self._max_inlined:
            return None
        self._inlined += len(image)
        return image

    def _css(self, css: str) -> str:
        self.remote += len(_CSS_REMOTE.findall(css))
        return _CSS_CID.sub(lambda url: f'url("{self._inline(url[2]) or "data:,"}")', css)


def _link(url: str) -> dict[str, str]:
    """A link opens in a tab of its own, and tells nobody where from."""
    if url.startswith("#"):
        return {"href": url}
    if not _LINK.match(url):
        return {}
    return {"href": url, "target": "_blank", "rel": "noopener noreferrer nofollow"}


def _behind(source: str, end: str, start: int) -> int:
    found = source.find(end, start)
    return len(source) if found < 0 else found + len(end)
