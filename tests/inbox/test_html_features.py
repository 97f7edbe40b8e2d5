"""The features of HTML and CSS that a message uses."""

from __future__ import annotations

import time

import pytest

from txsmtpx.inbox.client_support import _data
from txsmtpx.inbox.html_features import features_of

USED = {
    "<p style='display:flex; gap: 1em'>": "css-display-flex css-gap css-unit-em html-p",
    "<style>@media (prefers-color-scheme: dark) { a:hover { color: red } }</style>": "css-at-media "
    "css-at-media-prefers-color-scheme css-pseudo-class-hover css-selector-type html-style",
    "<style>p::before, .x > #y { width: calc(1px + 50%) !important }</style>": "css-pseudo-element-before "
    "css-selector-class css-selector-id css-selector-child css-selector-grouping css-unit-calc css-unit-px "
    "css-unit-percent css-important css-width",
    "<style>:root { --x: 1 } a[href] { color: var(--x); margin-inline-start: 1px }</style>": "css-variables "
    "css-selector-attribute css-margin-inline-start-end",
    "<style>@font-face { src: url(x) } @import 'y';/* z */</style>": "css-at-font-face css-at-import css-comments",
    "<!DOCTYPE html><!-- x --><h2><ul><nav>": "html-doctype html-comments html-h1-h6 html-lists html-semantics",
    "<input type=checkbox><button>x</button>": "html-input-checkbox html-button-submit",
    "<a href='#x' target=y><a href='mailto:z'>": "html-anchor-links html-mailto-links html-target",
    "<img src='http://a.example/x.WEBP?y' srcset=x loading=lazy>": "image-webp html-srcset html-loading-attribute",
    "<img src='data:image/png;base64,x'>": "image-base64",
    "<meta name=color-scheme content=dark>": "html-meta-color-scheme",
}


@pytest.mark.parametrize(("html", "used"), USED.items())
def test_what_is_used_is_found(html, used):
    assert set(used.split()) - features_of(html) == set()


def test_what_is_not_used_is_not_found():
    found = features_of("<p style='color: red'>display: grid; a > b")
    assert found == {"html-p", "css-color"}


def test_types_of_parts():
    assert features_of("", ["image/jpeg", "text/html"]) == {"image-jpg"}


def test_the_names_are_those_of_the_data():
    known = _data()[2]
    used = {each for names in USED.values() for each in names.split()}
    assert used - known.keys() == set()


@pytest.mark.parametrize(
    "piece", ["a{", "::", "@media(", "{a:", " ", "/*", "-a", "a ", "a:hover{", "1", "var(", "<b a"]
)
def test_the_time_is_linear(piece):
    """Ten times the length takes no hundred times as long."""

    def seconds(many: int) -> float:
        begun = time.process_time()
        features_of("<style>{a:" + piece * many)
        return time.process_time() - begun

    assert seconds(100_000) < 40 * seconds(10_000) + 0.2
