"""
The arguments of public constructors: what cannot be used is refused when it is given (guarantee 27).

`checked` compares the arguments with the annotations.  So the types are written once, for type checkers and for callers
without one.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, wraps
from typing import Any, Literal, ParamSpec, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

from zope.interface.interface import InterfaceClass

from txsmtpx.interfaces.backend import BackendLike
from txsmtpx.interfaces.provided import members, provides
from txsmtpx.setting import did_you_mean, shown

F = TypeVar("F", bound=Callable[..., object])
P = ParamSpec("P")
R = TypeVar("R")

SECRET = ("auth", "users", "password", "token", "client_secret", "refresh_token", "tokens")
"""Arguments whose values are in no error message, since they are secrets (guarantee 7)."""

_ENOUGH: Mapping[object, Collection[str]] = {BackendLike: ("anonymous_login",)}
"""What an object must have to pass for a type, where less than all is enough: a server without AUTH calls no login."""

_INSTEAD = {
    ("SMTPServerFactory", "portal"): "give PortalBackend(portal) as the backend",
}
"""Arguments of other libraries, and what takes their place here."""

_NAMES: dict[object, str] = {
    bool: "True or False",
    bytes: "bytes",
    float: "a number",
    int: "a whole number",
    str: "text",
    type(None): "None",
}


def checked(function: F) -> F:
    """
    Decorate a function so that unknown names and wrong types of arguments raise an error that names them.

    A wrong name or type raises `TypeError`.  A text that is none of the words of a `Literal` raises `ValueError`.  Of
    keywords that are passed on, by ``**settings: Unpack[Settings]``, only the names are checked; the function that gets
    them checks the values.

    Args:
        function: The function; for a class its ``__init__``.  Every annotation can be evaluated at run time.

    Returns:
        The function with the checks.

    Example:
        >>> @checked
        ... def connect(host: str, timeout: float = 30) -> None: ...
        >>> connect("mail.example.org", timout=5)
        Traceback (most recent call last):
        TypeError: connect has no argument timout; did you mean timeout?
        >>> connect("mail.example.org", timeout="5")
        Traceback (most recent call last):
        TypeError: connect: timeout must be a number, not '5'
        >>> @checked
        ... def serve(tls: Literal["starttls", "implicit"] | None = None) -> None: ...
        >>> serve(tls="startls")
        Traceback (most recent call last):
        ValueError: serve: tls must be 'starttls', 'implicit' or None, not 'startls'; did you mean 'starttls'?
    """
    return checked_except()(function)


def checked_except(*names: str) -> Callable[[F], F]:
    """
    Return a decorator as `checked`, which leaves some arguments to the function.

    Args:
        names: The arguments that the function hands to something else, which checks them.

    Returns:
        The decorator.

    Example:
        >>> @checked_except("port")
        ... def listen(port: int, backlog: int) -> None: ...
        >>> listen("25", 50)
    """
    return lambda function: _checked(function, frozenset(names))


def _checked(function: F, elsewhere: frozenset[str]) -> F:
    names, rest = _positional(function)
    owner = _owner(function)

    @wraps(function)
    def check(*args: object, **kwargs: object) -> object:
        hints, passed_on, plain = _hints(function)
        for name in kwargs:
            if name not in hints and name not in passed_on:
                raise TypeError(_unknown(owner, name, [*hints, *passed_on]))
        given = [*zip(names, args, strict=False), *kwargs.items()]
        if rest:
            given += [(rest, value) for value in args[len(names) :]]
        for name, value in given:
            if type(value) in plain.get(name, ()) or name not in hints or name in elsewhere:
                continue
            if not fits(value, hints[name]):
                found = type(value).__name__ if name in SECRET else shown(value)
                error = ValueError if _is_wrong_word(value, hints[name]) else TypeError
                text = f"{owner}: {name} must be {described(hints[name])}, not {found}"
                raise error(text + _near_word(value, hints[name]))
        return function(*args, **kwargs)  # Python's own error names what is missing, or given twice

    return check  # type: ignore[return-value]


def _positional(function: Callable[..., object]) -> tuple[list[str], str]:
    """Return the names of the arguments that need no keyword, and the name of ``*args``, "" without it."""
    parameters = inspect.signature(function).parameters.values()
    named = [each.name for each in parameters if each.kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD]
    rest = [each.name for each in parameters if each.kind is inspect.Parameter.VAR_POSITIONAL]
    return named, rest[0] if rest else ""


def names_checked(function: Callable[P, R]) -> Callable[P, R]:
    """
    Decorate a function so that an unknown name of an argument raises an error that suggests the right one.

    It is for a function that checks the values itself, such as those of declared settings.

    Args:
        function: The function; for a class its ``__init__``.

    Returns:
        The function with the check.

    Example:
        >>> @names_checked
        ... def serve(*, max_errors: int = 20) -> None: ...
        >>> serve(max_eror=3)
        Traceback (most recent call last):
        TypeError: serve has no argument max_eror; did you mean max_errors?
    """
    known, owner = tuple(inspect.signature(function).parameters), _owner(function)

    @wraps(function)
    def check(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                raise TypeError(_unknown(owner, name, known))
        return function(*args, **kwargs)

    return check


def _owner(function: Callable[..., object]) -> str:
    return function.__qualname__.rpartition("<locals>.")[2].removesuffix(".__init__")


@cache
def _hints(
    function: Callable[..., object],
) -> tuple[Mapping[str, object], Collection[str], Mapping[str, Collection[type]]]:
    """
    Return what is known of the arguments of a function.

    Args:
        function: The function.

    Returns:
        The types of the arguments by name, the names in ``**settings: Unpack[Settings]``, and for each argument the
        classes whose objects fit whatever their value.
    """
    hints: dict[str, object] = get_type_hints(function)
    hints.pop("return", None)
    passed_on: list[str] = []
    for name, hint in list(hints.items()):
        if get_origin(hint) is Unpack:
            del hints[name]
            passed_on += get_type_hints(get_args(hint)[0])
    return hints, passed_on, {name: _plain(hint) for name, hint in hints.items()}


def _plain(hint: object) -> frozenset[type]:
    """Return classes whose objects fit a type whatever their value; an object of another class may fit too."""
    if get_origin(hint) in (Union, types.UnionType):
        return frozenset().union(*map(_plain, get_args(hint)))
    if hint is float:
        return frozenset([int, float])
    plain = isinstance(hint, type) and not getattr(hint, "_is_protocol", False) and not get_args(hint)
    return frozenset([hint]) if plain and isinstance(hint, type) else frozenset()


def _unknown(owner: str, name: str, known: Iterable[str]) -> str:
    advice = f"; {_INSTEAD[owner, name]}" if (owner, name) in _INSTEAD else did_you_mean(name, known)
    return f"{owner} has no argument {name}{advice}"


def _near_word(value: object, hint: object) -> str:
    """Return a suggestion for a text that is nearly a word of a `Literal`; "" without one."""
    words = [choice for choice in _choices(hint) if choice.startswith("'")]
    return did_you_mean(repr(value.lower()), words) if isinstance(value, str) else ""


def _is_wrong_word(value: object, hint: object) -> bool:
    """Return whether a value is a text where some words are allowed, and not one of them."""
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return isinstance(value, str) and any(get_origin(part) is Literal for part in parts)


def fits(value: object, hint: object) -> bool:
    """
    Return whether a value has a type.

    Args:
        value: The value.
        hint: The type, as it is annotated.  A type that is not understood fits every value.

    Returns:
        True if the value has the type.

    Example:
        >>> fits(5, float), fits(True, int), fits("DSN", Sequence[str])
        (True, False, False)
    """
    origin, parts = get_origin(hint), get_args(hint)
    if hint in (Any, object):
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is type:
        return isinstance(value, type)
    if callable in (hint, origin) or origin is Callable:
        return callable(value)
    if isinstance(hint, InterfaceClass):
        return hint.providedBy(value) or all(hasattr(value, name) for name in hint.names(all=True))
    kind = origin or hint
    if not isinstance(kind, type):
        return True
    if getattr(kind, "_is_protocol", False):
        if "__call__" in members(kind):
            return callable(value)
        return not isinstance(value, type) and (
            all(callable(getattr(value, name, None)) for name in _ENOUGH[kind])
            if kind in _ENOUGH
            else provides(value, kind)
        )
    if kind in (int, float):
        return isinstance(value, int | float if kind is float else int) and not isinstance(value, bool)
    if not isinstance(value, kind):
        return False
    if isinstance(value, tuple) and kind is tuple:
        return Ellipsis in parts or _all_fit(value, parts)
    if not issubclass(kind, Iterable) or isinstance(value, Iterator):
        return True  # what an iterator has is seen when it is read
    if isinstance(value, Mapping) and issubclass(kind, Mapping):
        return not parts or all(fits(name, parts[0]) and fits(each, parts[-1]) for name, each in value.items())
    if isinstance(value, str | bytes) or not isinstance(value, Collection) or not parts:
        return not parts  # one text is no list of texts
    return all(fits(each, parts[0]) for each in value)


def _all_fit(values: Sequence[object], hints: Sequence[object]) -> bool:
    return len(values) == len(hints) and all(fits(one, other) for one, other in zip(values, hints, strict=True))


def described(hint: object) -> str:
    """
    Return the description of a type for an error message.

    Args:
        hint: The type, as it is annotated.

    Returns:
        The description, in words.

    Example:
        >>> described(float | None), described(Literal["refuse", "send"])
        ('a number or None', "'refuse' or 'send'")
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType, Literal):
        *others, last = dict.fromkeys(_choices(hint))
        return f"{', '.join(others)} or {last}" if others else last
    if origin is tuple and Ellipsis not in parts:
        return f"({', '.join(map(described, parts))})"
    if callable in (hint, origin) or origin is Callable:
        return "a function"
    kind = origin or hint
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return f"a dict of {described(parts[0])} to {described(parts[1])}" if len(parts) == 2 else "a dict"
    if isinstance(kind, type) and parts and issubclass(kind, Iterable):
        return f"a list of {described(parts[0])}"
    name = str(getattr(kind, "__name__", kind)).removesuffix("Like")
    return _NAMES.get(kind) or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _choices(hint: object) -> list[str]:
    """Return the descriptions of what a type is one of."""
    if get_origin(hint) is Literal:
        return [repr(part) for part in get_args(hint)]
    if get_origin(hint) in (Union, types.UnionType):
        return [each for part in get_args(hint) for each in _choices(part)]
    return [described(hint)]
