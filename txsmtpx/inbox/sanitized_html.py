"""
The HTML of a message, sanitized: a browser that displays the result runs no script and loads nothing.

Theory of operation: the sanitizer reads the input as a sequence of tags and texts.  It builds no tree, so its time is
linear in the length of the input.  It writes new HTML that has only

  - tags of `ELEMENTS`, with attributes of `ATTRIBUTES` whose values are quoted,
  - texts without ``<``, and
  - the content of ``style`` elements, without ``<``.

Browsers parse this output in one way only.  So the result is safe even if a browser parses the input differently.

This is one of two defences.  The other is the Content-Security-Policy of the response, see
`txsmtpx.web.content_security_policy`.  That policy does not stop ``<link rel=preconnect>``; the sanitizer does.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from txsmtpx.inbox.character_references import unescape
from txsmtpx.inbox.html_tags import BEGIN, MAX_LENGTH, MAX_TAGS, NAME, RAW, REST_OF_TAG, attributes_of, behind
from txsmtpx.inbox.remote_references import Kind, RemoteReferences, is_remote


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
"""Elements that do not end a line of text."""

ATTRIBUTES = _words(
    "abbr align alt bgcolor border cellpadding cellspacing cite class clear color colspan compact coords dir face "
    "headers height hspace id lang noshade nowrap open reversed role rowspan rules scope shape size span start style "
    "summary title type usemap valign value vspace width"
)
"""Attributes that are copied.  ``href``, ``src`` and ``background`` hold URLs, and are checked one by one."""

_READ = ATTRIBUTES | {"href", "src", "background"}

MAX_WRITTEN = 8 * 1024 * 1024
"""Characters that are written, images not counted.  One character may become six, such as ``&quot;``."""

MAX_INLINED = 32 * 1024 * 1024
"""Octets of ``data:`` URLs in one page.  A message may show the same image any number of times."""

# ASCII only: Python's IGNORECASE takes U+017F for "s", browsers do not.  To a browser, "http\u017f://" has no scheme,
# and would be a link into the inbox.
_LINK = re.compile(r"(?:https?|mailto|tel):", re.ASCII | re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|avif|bmp);base64,[a-z0-9+/=\s]*", re.ASCII | re.IGNORECASE)
_CSS_CID = re.compile(r"""url\(\s*+(["']?)cid:([^"'()\s]++)\1\s*+\)""", re.ASCII | re.IGNORECASE)
_CSS_REMOTE = re.compile(r"""url\(\s*+(?:"([^"]*+)"|'([^']*+)'|([^"'()\s]++))\s*+\)""", re.ASCII | re.IGNORECASE)
_CSS_IMPORT = re.compile(
    r"""@import\s++(?:url\(\s*+)?["']?((?:https?:)?//[^"'()\s;]++)["']?\s*+\)?[^;{}]*+;?""", re.ASCII | re.IGNORECASE
)

Image = Callable[[str], str | None]
"""A function from a Content-ID to the ``data:`` URL of the image, or to None if there is no such image."""


class SanitizedHtml:
    """
    Sanitize the HTML of one message.  `ParsedMessage.sanitized_html` creates it.

    Attributes:
        html: The sanitized HTML, without ``<!DOCTYPE>``.
        remote: The number of references to images and styles of other hosts that were dropped.
        truncated: True if a limit was reached, so that the end of the message is missing.

    Args:
        source: The HTML of the message.
        image: It finds the images of ``cid:`` URLs.
        max_inlined: The greatest number of octets of ``data:`` URLs.
        references: It collects the images and styles of other hosts, and writes placeholders for them; None to drop
            them.

    Example:
        >>> SanitizedHtml("<p onclick=alert()>Hello<script>alert()</script>", {}.get).html
        '<p>Hello'
    """

    def __init__(
        self,
        source: str,
        image: Image,
        max_inlined: int = MAX_INLINED,
        references: RemoteReferences | None = None,
    ) -> None:
        self._references = references
        self.remote: int = 0
        self.truncated: bool = len(source) > MAX_LENGTH
        self._image = image
        self._max_inlined = max_inlined
        self._inlined = 0
        self._source = source[:MAX_LENGTH]
        self._written: list[str] = []
        self._length = 0
        self._read()
        self.html: str = "".join(self._written)

    def _read(self) -> None:
        at = tags = 0
        while (begin := BEGIN.search(self._source, at)) is not None:
            if begin.start() > at:
                self._text(self._source[at : begin.start()])
            tags += 1
            if tags > MAX_TAGS or self._length - self._inlined > MAX_WRITTEN:
                self.truncated = True
                return
            at = self._markup(begin.start())
        self._text(self._source[at:])

    def _markup(self, less: int) -> int:
        """Return the index behind the tag or comment that begins at ``less``; write the tag if it is allowed."""
        source = self._source
        if source.startswith("<!--", less):
            return behind(source, "-->", less + 4)
        name = NAME.match(source, less + 1)
        return behind(source, ">", less) if name is None else self._tag(name.group().lower(), name.end())

    def _tag(self, name: str, at: int) -> int:
        rest = REST_OF_TAG.match(self._source, at)
        if rest is None:
            return len(self._source)
        if name in RAW:
            return self._raw(name, rest)
        if name == "link":
            self._link(rest)
        elif name in ELEMENTS:
            self._append(f"<{name}{self._attributes(name, rest)}>")
        elif name.removeprefix("/") in ELEMENTS:
            self._append(f"<{name}>")
        return rest.end()

    def _raw(self, name: str, rest: re.Match[str]) -> int:
        at = rest.end()
        end = RAW[name].search(self._source, at)
        content = self._source[at:] if end is None else self._source[at : end.start()]
        if name == "style":
            # Only "</style" ends the element (HTML Living Standard §13.2.5.3), so CSS without "<" cannot end it.
            # Not in an attribute, which the style sheet could end.
            content = _CSS_IMPORT.sub(lambda found: self._remote("style", found[1]) or "", content)
            css = self._css(content.replace("<!--", "").replace("-->", "")).replace("<", r"\3c ")
            self._append(f"<style{self._attributes('style', rest)}>{css}</style>")
        return len(self._source) if end is None else behind(self._source, ">", end.start())

    def _text(self, text: str) -> None:
        # References such as "&lt;" stay as they are: browsers decode them to text, never to tags.
        self._append(text.replace("<", "&lt;").replace(">", "&gt;"))

    def _append(self, written: str) -> None:
        self._written.append(written)
        self._length += len(written)

    def _attributes(self, element: str, rest: re.Match[str]) -> str:
        """Return the sanitized attributes of a tag.  ``rest`` is the match from the end of its name to ``>``."""
        if rest.end() - rest.start() == 1:
            return ""
        found: dict[str, str] = {}
        for name, value in attributes_of(self._source, rest.start(), rest.end() - 1):
            if name in _READ and name not in found:
                found[name] = unescape(value)
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
        """Return the ``data:`` URL for the image at ``url``, or None if the image is not part of the message."""
        if url[:4].lower() == "cid:":
            return self._inline(url[4:])
        if _DATA_IMAGE.fullmatch(url):
            return url
        return self._remote("image", url) if is_remote(url) else None

    def _link(self, rest: re.Match[str]) -> None:
        """Write a style sheet of another host, if these are shown."""
        found = dict(attributes_of(self._source, rest.start(), rest.end() - 1))
        url = unescape(found.get("href", "")).strip()
        if "stylesheet" in found.get("rel", "").lower().split() and is_remote(url):
            style = self._remote("style", url)
            if style is not None:
                self._append(f"<style>{style}</style>")

    def _remote(self, kind: Kind, url: str) -> str | None:
        self.remote += 1
        return None if self._references is None else self._references.placeholder(kind, url) or None

    def _inline(self, content_id: str) -> str | None:
        image = self._image(content_id)
        if image is None or self._inlined + len(image) > self._max_inlined:
            return None
        self._inlined += len(image)
        return image

    def _css(self, css: str) -> str:
        css = _CSS_REMOTE.sub(self._css_image, css)
        return _CSS_CID.sub(lambda url: f'url("{self._inline(url[2]) or "data:,"}")', css)

    def _css_image(self, found: re.Match[str]) -> str:
        url = (found[1] or found[2] or found[3] or "").strip()
        return f'url("{self._remote("image", url) or "data:,"}")' if is_remote(url) else found[0]


def _link(url: str) -> dict[str, str]:
    """Return the attributes of a link: it opens a new tab, and sends no Referer header."""
    if url.startswith("#"):
        return {"href": url}
    if not _LINK.match(url):
        return {}
    return {"href": url, "target": "_blank", "rel": "noopener noreferrer nofollow"}
