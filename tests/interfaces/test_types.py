"""Each interface of zope.interface has a type, and both declare the same names with the same parameters."""

from __future__ import annotations

import inspect

import pytest
from zope.interface import Interface
from zope.interface.interface import InterfaceClass, Method

from txsmtpx import interfaces

PAIRS = {
    name: getattr(interfaces, f"{name[1:]}Like", None) or getattr(interfaces, name[1:], None)
    for name in interfaces.__all__
    if isinstance(getattr(interfaces, name), InterfaceClass)
}


def declared(type_: type) -> dict[str, object]:
    """Return what a type and the types that it extends declare, without what Python adds."""
    found: dict[str, object] = {}
    for each in reversed(type_.__mro__):
        if each.__module__.startswith("txsmtpx."):
            found |= {name: value for name, value in vars(each).items() if not name.startswith("_")}
            found |= dict.fromkeys(name for name in vars(each).get("__annotations__", {}) if not name.startswith("_"))
            found |= {"__aiter__": vars(each)["__aiter__"]} if "__aiter__" in vars(each) else {}
    return found


@pytest.mark.parametrize("name", PAIRS)
def test_an_interface_and_its_type_are_the_same(name: str) -> None:
    interface, type_ = getattr(interfaces, name), PAIRS[name]
    assert type_ is not None, "the interface has no type"
    found = declared(type_)
    assert set(found) == set(interface.names(all=True))
    for each, value in found.items():
        if isinstance(interface[each], Method):
            signature = interface[each].getSignatureInfo()
            others = [other for other in (signature["varargs"], signature["kwargs"]) if other]
            parameters = inspect.signature(value).parameters.values()  # type: ignore[arg-type]
            assert [parameter.name for parameter in parameters] == ["self", *signature["positional"], *others]
            defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
            assert defaults == signature["optional"]
        else:
            assert value is None or isinstance(value, property)


def test_an_interface_that_extends_another_has_a_type_that_extends_its_type() -> None:
    extensions = [
        (name, base.__name__)
        for name in PAIRS
        for base in getattr(interfaces, name).__bases__
        if base is not Interface and base.__name__ in PAIRS
    ]
    assert ("IVerifyingSession", "ISession") in extensions
    for name, base in extensions:
        assert PAIRS[base] in PAIRS[name].__mro__
