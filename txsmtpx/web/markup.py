"""
The HTML of a message, written anew so that a browser can show it: nothing of it runs, and nothing of it is loaded.

The input is read as a row of tags and texts, never as a tree, in time that grows with its length only.  All that is
written are tags of L{ELEMENTS} with attributes of L{ATTRIBUTES}, their values quoted, and texts without a C{<}.  So it
does not matter whether a browser would have read the input as we do: what it gets has one reading.

This is the inner of two fences.  The outer one is the Content-Security-Policy with which the result is served
(L{txsmtpx.web.policy}); it is blind to what C{<link rel=preconnect>} does, hence this one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable


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
"""Those that are text and nothing else.  C{href}, C{src} and C{background} are looked at one by one."""

RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in (
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "object", "svg", "math",
    "template", "audio", "video", "select",
)}  # fmt: skip
"""Elements that go with all that is in them, but for C{style}."""

MAX_LENGTH = 4 * 1024 * 1024
"""Characters of HTML that are read, the rest is cut off."""

MAX_TAGS = 100_000
"""Tags of it."""

MAX_INLINED = 32 * 1024 * 1024
"""Octets of images that may be written into one page, where an image may be asked for again and again."""

_NAME = re.compile(r"/?[a-zA-Z][^\s/>]*+")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?:([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?|=)"""
)  # fmt: skip
_END = re.compile(r"[\s/]*+>")
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|avif|bmp);base64,[a-z0-9+/=\s]*", re.IGNORECASE)
_CSS_CID = re.compile(r"""url\(\s*+(["']?)cid:([^"')\s]++)\1\s*+\)""", re.IGNORECASE)
_CSS_REMOTE = re.compile(r"""url\(\s*+["']?\s*+(?:https?:)?//""", re.IGNORECASE)

Image = Callable[[str], str | None]
"""The C{data:} URL of the image with this Content-ID, None where there is none."""


class Markup:
    """
    HTML of a message, made safe.

    @ivar html: the result, without C{<!DOCTYPE>}.
    @ivar text: the text in it, for searching and for those who read text.
    @ivar remote: how many references to images and styles elsewhere have been dropped.
    @ivar cut: whether there was too much of it.
    """

    def __init__(self, source: str, image: Image) -> None:
        self.remote = 0
        self.cut = len(source) > MAX_LENGTH
        self._image = image
        self._inlined = 0
        self._source = source[:MAX_LENGTH]
        self._written: list[str] = []
        self._texts: list[str] = []
        self._read()
        self.html = "".join(self._written)
        self.text = "\n".join(line for line in map(str.strip, "".join(self._texts).splitlines()) if line)

    def _read(self) -> None:
        at = tags = 0
        while at < len(self._source):
            less = self._source.find("<", at)
            self._text(self._source[at:] if less < 0 else self._source[at:less])
            if less < 0:
                return
            tags += 1
            if tags > MAX_TAGS:
                self.cut = True
                return
            at = self._markup(less)

    def _markup(self, less: int) -> int:
        """Read what begins with the C{<} at C{less}; where it ends, the end of the input if nothing ends it."""
        source = self._source
        if source.startswith("<!--", less):
            return _behind(source, "-->", less + 4)
        name = _NAME.match(source, less + 1)
        if name is None:
            if source[less + 1 : less + 2] in ("!", "?", "/"):
                return _behind(source, ">", less)
            self._text("<")
            return less + 1
        return self._tag(name.group().lower(), name.end())

    def _tag(self, name: str, at: int) -> int:
        attributes: dict[str, str] = {}
        while (end := _END.match(self._source, at)) is None:
            found = _ATTRIBUTE.match(self._source, at)
            if found is None:
                return len(self._source)
            at = found.end()
            if found[1]:
                value = found[2] or found[3] or found[4] or ""
                attributes.setdefault(found[1].lower(), html.unescape(value))
        at = end.end()
        if name in RAW:
            return self._raw(name, at, attributes)
        self._write(name, attributes)
        return at

    def _raw(self, name: str, at: int, attributes: dict[str, str]) -> int:
        end = RAW[name].search(self._source, at)
        content = self._source[at:] if end is None else self._source[at : end.start()]
        if name == "style":
            # Without a "<" in it, nothing in it ends it.
            css = self._css(content.replace("<!--", "").replace("-->", "")).replace("<", r"\3c ")
            self._written.append(f"<style{self._written_attributes('style', attributes)}>{css}</style>")
        return len(self._source) if end is None else _behind(self._source, ">", end.start())

    def _text(self, text: str) -> None:
        self._written.append(text.replace("<", "&lt;").replace(">", "&gt;"))
        self._texts.append(html.unescape(text))

    def _write(self, name: str, attributes: dict[str, str]) -> None:
        if name.removeprefix("/") not in ELEMENTS:
            return
        self._texts.append("" if name.removeprefix("/") in INLINE else "\n")
        written = "" if name.startswith("/") else self._written_attributes(name, attributes)
        self._written.append(f"<{name}{written}>")

    def _written_attributes(self, element: str, attributes: dict[str, str]) -> str:
        kept = {name: value for name, value in attributes.items() if name in ATTRIBUTES}
        if "style" in kept:
            kept["style"] = self._css(kept["style"])
        if element in ("a", "area") and "href" in attributes:
            kept |= _link(attributes["href"].strip())
        for name in ("src", "background"):
            if name in attributes and (image := self._local(attributes[name].strip())):
                kept[name] = image
        return "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())

    def _local(self, url: str) -> str | None:
        """What stands for the image at C{url} in a page that loads nothing."""
        if url[:4].lower() == "cid:":
            return self._inline(url[4:])
        if _DATA_IMAGE.fullmatch(url):
            return url
        self.remote += _REMOTE.match(url) is not None
        return None

    def _inline(self, content_id: str) -> str | None:
        image = self._image(content_id)
        self._inlined += len(image or "")
        return image if self._inlined <= MAX_INLINED else None

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
