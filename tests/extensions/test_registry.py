"""The extensions of the package: which a server offers, which a client leaves alone, and their names."""

from __future__ import annotations

import pytest

from txsmtpx import Extension, Session
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.registry import EXTENSIONS, KNOWN, declared_by, extension_named, offered_with, unused
from txsmtpx.extensions.vrfy_expn import EXPAND, VERIFY

OWN = Extension("XOWN", "none")


def test_no_keyword_stands_twice() -> None:
    keywords = [each.keyword for each in EXTENSIONS if each.keyword]
    assert len(set(keywords)) == len(keywords)
    assert set(EXTENSIONS) < set(KNOWN)


def test_each_has_its_rfc_and_what_it_requires() -> None:
    keywords = {each.keyword for each in EXTENSIONS}
    for each in EXTENSIONS:
        assert each.rfc
        assert each.requires <= keywords


def test_offered_without_a_backend_are_those_that_need_none() -> None:
    assert offered_with(()) == tuple(each for each in EXTENSIONS if not each.needs_backend)
    assert DSN not in offered_with(())


def test_offered_with_a_backend_in_the_order_of_ehlo() -> None:
    offered = offered_with([OWN, DSN])
    assert offered == (*[each for each in EXTENSIONS if not each.needs_backend or each is DSN], OWN)


def test_what_a_session_declares_and_what_its_methods_do() -> None:
    class Both(Session):
        supports = (OWN,)

        def verify(self, address: str) -> str:
            return address

        def expand(self, address: str) -> list[str]:
            return [address]

    assert declared_by(Session()) == ()
    assert declared_by(Both) == declared_by(Both()) == (OWN, VERIFY, EXPAND)


@pytest.mark.parametrize(("without", "keywords"), [
    ([], set()), (["pipelining"], {"PIPELINING"}), (("CHUNKING",), {"CHUNKING", "BINARYMIME"}),
    (frozenset({"8BitMIME", "SIZE"}), {"8BITMIME", "SIZE", "SMTPUTF8", "BINARYMIME"}), ({"DSN": 1}, {"DSN"}),
])  # fmt: skip
def test_unused_are_those_that_require_them_too(without, keywords) -> None:
    assert unused(without) == keywords


def test_unused_may_be_an_extension_of_the_caller() -> None:
    needy = Extension("XNEEDY", "none", requires=frozenset({"SIZE"}))
    assert unused(["xown"], [OWN, needy]) == {"XOWN"}
    assert unused(["SIZE"], [OWN, needy]) == {"SIZE", "XNEEDY"}


@pytest.mark.parametrize("without", [["X"], ["SİZE"], [""]], ids=repr)
def test_no_such_extension(without) -> None:
    with pytest.raises(
        ValueError, match=rf"^without: no extension is called {without[0]!r}; there are 8BITMIME, AUTH,"
    ):
        unused(without)


@pytest.mark.parametrize("extension", [each for each in EXTENSIONS if each.keyword], ids=lambda each: each.keyword)
def test_an_extension_by_its_keyword(extension: Extension) -> None:
    assert extension_named(extension.keyword) is extension
    assert extension_named(extension.keyword.lower()) is extension


@pytest.mark.parametrize("keyword", ["X", "PİPELINING"])
def test_an_extension_that_is_none(keyword: str) -> None:
    with pytest.raises(ValueError, match=f"^no extension is called {keyword}$"):
        extension_named(keyword)
