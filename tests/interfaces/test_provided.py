"""Whether an object provides an optional interface: by its class, by itself, or by ``__getattr__``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

import pytest

from txsmtpx import MiddlewareSession, Session
from txsmtpx.interfaces import ExtensionSupport, SessionLike, VerifyingSessionLike, provides
from txsmtpx.interfaces.provided import members

V = TypeVar("V", covariant=True)


class Named(Protocol):
    """Has an attribute and a method."""

    name: str

    def call(self) -> object:
        """Do something."""

    def _own(self) -> object:
        """Is nobody's business."""


class Iterated(Named, Protocol[V]):
    """Has special methods too."""

    def __aiter__(self) -> AsyncIterator[V]:
        """Iterate."""

    def __call__(self) -> object:
        """Call."""

    def __len__(self) -> int:
        """Count, which does not count here."""


class Has:
    """Has what it is given."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


def test_the_names_that_a_type_declares_its_own_first():
    assert set(members(Named)) == {"name", "call"}
    assert set(members(Iterated)) == {"name", "call", "__aiter__", "__call__"}
    assert members(Iterated[int]) == members(Iterated)
    assert set(members(Iterated)[-2:]) == set(members(Named))


@pytest.mark.parametrize(("attributes", "provided"), [
    ({"name": "x", "call": len}, True), ({"name": "x"}, False), ({"call": len}, False), ({}, False),
    ({"name": "x", "call": None}, False), ({"name": "", "call": len}, True), ({"name": None, "call": len}, False),
])  # fmt: skip
def test_an_object_has_each_of_them(attributes, provided):
    """None is as good as nothing, so that a subclass can take a method away."""
    assert provides(Has(**attributes), Named) is provided


def test_an_object_that_gets_them_from_another():
    class Verifying(Session):
        def verify(self, address):
            return address

    assert provides(Verifying(), VerifyingSessionLike)
    assert provides(MiddlewareSession(Verifying(), None), VerifyingSessionLike)
    assert not provides(MiddlewareSession(Session(), None), VerifyingSessionLike)


def test_a_class_provides_what_its_instances_do():
    assert provides(Session, SessionLike)
    assert provides(Session, ExtensionSupport)
    assert not provides(Session, VerifyingSessionLike)
    assert not provides(object(), SessionLike)
