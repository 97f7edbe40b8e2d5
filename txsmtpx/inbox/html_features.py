"""
The features of HTML and CSS that a message uses, by their names in the data of caniemail.com.

The CSS is searched with regular expressions, so the time is linear in its length.  What is found in a comment, a string
or a rule that never applies counts too: the result is a hint, not a proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.html_tags import Tag, tags

MAX_CSS = 1024 * 1024
"""Characters of CSS that are read."""

_SEMANTIC = frozenset(
    ["article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav", "section"]
) | {"summary", "time"}

_ELEMENTS = (
    dict.fromkeys(_SEMANTIC, "semantics")
    | dict.fromkeys(("ul", "ol", "dl"), "lists")
    | dict.fromkeys(("map", "area"), "image-maps")
    | {f"h{level}": "h1-h6" for level in range(1, 7)}
)
"""Elements whose feature has another name."""

_ATTRIBUTES = {
    name: name
    for name in (
        "align", "aria-describedby", "aria-hidden", "aria-label", "aria-labelledby", "aria-live", "background",
        "cellpadding", "cellspacing", "dir", "height", "hidden", "lang", "popover", "required", "role", "target",
        "valign", "width",
    )
} | {"loading": "loading-attribute", "srcset": "srcset", "sizes": "srcset"}  # fmt: skip

_PROPERTIES = {
    "column-gap": "gap",
    "row-gap": "gap",
    "block-size": "block-inline-size",
    "left": "left-right-top-bottom",
    "right": "left-right-top-bottom",
    "top": "left-right-top-bottom",
    "bottom": "left-right-top-bottom",
    "grid-template-columns": "grid-template",
    "grid-template-rows": "grid-template",
    "grid-template-areas": "grid-template",
    "columns": "column-layout-properties",
    "column-rule": "column-layout-properties",
    "column-width": "column-layout-properties",
} | {
    f"{name}-{axis}{end}": f"{name}-{feature}"
    for name in ("margin", "padding")
    for axis in ("block", "inline")
    for end, feature in (
        ("", "inline-block"), ("-start", f"{axis}-start-end"), ("-end", f"{axis}-start-end"),
    )
}  # fmt: skip
"""Properties whose feature has another name."""

_FUNCTIONS = {
    "calc": "unit-calc",
    "var": "variables",
    "rgb": "rgb",
    "rgba": "rgba",
    "linear-gradient": "linear-gradient",
    "radial-gradient": "radial-gradient",
    "conic-gradient": "conic-gradient",
    "fit-content": "intrinsic-size",
} | dict.fromkeys(("lch", "oklch", "lab", "oklab"), "modern-color") | {
    name: f"function-{name}" for name in ("clamp", "light-dark", "max", "min")
}  # fmt: skip

_VALUES = {
    ("display", "flex"): "display-flex",
    ("display", "grid"): "display-grid",
    ("display", "none"): "display-none",
}

_MEDIA = {
    "hover": "hover",
    "orientation": "orientation",
    "prefers-color-scheme": "prefers-color-scheme",
    "prefers-reduced-motion": "prefers-reduced-motion",
    "device-pixel-ratio": "device-pixel-ratio",
}

_SELECTORS = [
    ("class", re.compile(r"\.[a-zA-Z_]")),
    ("id", re.compile(r"#[a-zA-Z_]")),
    ("attribute", re.compile(r"\[")),
    ("child", re.compile(r">")),
    ("adjacent-sibling", re.compile(r"\+")),
    ("general-sibling", re.compile(r"~(?!=)")),
    ("universal", re.compile(r"\*(?!=)")),
    ("grouping", re.compile(r",")),
    ("type", re.compile(r"(?:^|[\s,>+~])[a-zA-Z]")),
    ("chaining", re.compile(r"[\w\])][.#\[]")),
    ("descendant", re.compile(r"[\w\])*]\s+[\w.#\[*]")),
]

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_DECLARATION = re.compile(r"(?:\A|[{;])\s*+(-{0,2}[a-zA-Z][a-zA-Z-]*+)\s*+:([^;{}]*+)")
_FUNCTION = re.compile(r"(?<![a-z-])([a-z][a-z-]*+)\(")
_UNIT = re.compile(r"[0-9](px|rem|em|ex|ch|cm|mm|in|pc|pt|vh|vw|vmin|vmax|%)(?![a-z])")
_PSEUDO = re.compile(r"(::?)([a-z-]+)")
_ELEMENTS_BY_ONE_COLON = ("before", "after", "first-line", "first-letter")


def features_of(html: str, types: Iterable[str] = ()) -> set[str]:
    """
    Find the features that a message uses.

    Args:
        html: The HTML of the message.
        types: The media types of its parts.

    Returns:
        The names, such as "css-display-flex".  Some are not in the data.

    Example:
        >>> sorted(features_of("<p style='gap: 1em'>x"))
        ['css-gap', 'css-unit-em', 'html-p']
    """
    found = {f"image-{each.removeprefix('image/')}" for each in types if each.startswith("image/")}
    beginning = asciitext.lower(html[:1000].lstrip())
    if beginning.startswith("<!doctype html>"):
        found.add("html-doctype")
    if "<!--" in html:
        found.add("html-comments")
    sheets, declarations = [], []
    for tag in tags(html):
        found.update(_of_tag(tag))
        if tag.name == "style":
            sheets.append(tag.content)
        if "style" in tag.attributes:
            declarations.append(tag.attributes["style"])
    css = "\n".join(sheets)[:MAX_CSS]
    found.update(_of_sheet(css))
    found.update(_of_declarations(";".join(declarations)[:MAX_CSS]))
    return {_same_image(each) for each in found}


def _same_image(name: str) -> str:
    return {"image-jpeg": "image-jpg", "image-svg+xml": "image-svg", "image-tif": "image-tiff"}.get(name, name)


def _of_tag(tag: Tag) -> Iterator[str]:
    yield f"html-{_ELEMENTS.get(tag.name, tag.name)}"
    if tag.name in ("input", "button"):
        kind = tag.attributes.get("type", "text" if tag.name == "input" else "submit")
        yield f"html-{tag.name}-{asciitext.lower(kind[:20])}"
    if tag.name == "meta" and asciitext.lower(tag.attributes.get("name", "")) == "color-scheme":
        yield "html-meta-color-scheme"
    for name, feature in _ATTRIBUTES.items():
        if name in tag.attributes:
            yield f"html-{feature}"
    href = asciitext.lower(tag.attributes.get("href", "").strip()[:7])
    if href.startswith("#"):
        yield "html-anchor-links"
    if href.startswith("mailto:"):
        yield "html-mailto-links"
    if tag.name == "img":
        yield from _of_image(tag.attributes.get("src", "").strip())


def _of_image(url: str) -> Iterator[str]:
    if asciitext.lower(url[:5]) == "data:":
        yield "image-base64"
        return
    try:
        name = urlsplit(url[:4096]).path.rpartition("/")[2]
    except ValueError:
        return
    if "." in name:
        yield f"image-{asciitext.lower(name.rpartition('.')[2])}"


def _of_sheet(css: str) -> Iterator[str]:
    if "/*" in css:
        yield "css-comments"
        css = _COMMENT.sub("", css)
    if asciitext.lower(css).find("@import") >= 0:
        yield "css-at-import"
    for piece in css.split("{")[:-1]:
        selector = asciitext.lower(re.split("[;}]", piece)[-1].strip())
        if selector.startswith("@"):
            yield from _of_at_rule(selector)
            continue
        for name, pattern in _SELECTORS:
            if pattern.search(selector):
                yield f"css-selector-{name}"
        if "&" in selector:
            yield "css-nesting"
        for colons, name in _PSEUDO.findall(selector):
            kind = "element" if colons == "::" or name in _ELEMENTS_BY_ONE_COLON else "class"
            yield f"css-pseudo-{kind}-{name}"
    yield from _of_declarations(css)


def _of_at_rule(rule: str) -> Iterator[str]:
    name = rule[1:].split("(")[0].split()[:1]
    yield f"css-at-{name[0] if name else ''}"
    if name == ["media"]:
        for condition, feature in _MEDIA.items():
            if condition in rule:
                yield f"css-at-media-{feature}"


def _of_declarations(css: str) -> Iterator[str]:
    css = asciitext.lower(css)
    for name, value in _DECLARATION.findall(css):
        if name.startswith("--"):
            yield "css-variables"
            continue
        yield f"css-{_PROPERTIES.get(name, name)}"
        value = value.strip()
        if "!important" in value:
            yield "css-important"
        if value == "initial":
            yield "css-unit-initial"
        special = _VALUES.get((name, value.removesuffix("!important").strip()))
        if special:
            yield f"css-{special}"
        for function in _FUNCTION.findall(value):
            if function in _FUNCTIONS:
                yield f"css-{_FUNCTIONS[function]}"
        for unit in _UNIT.findall(value):
            yield f"css-unit-{'percent' if unit == '%' else unit}"
