"""Checkers by name, as ``--auth`` finds them, and what is said of those that cannot be made."""

from __future__ import annotations

import pytest
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory, findCheckerFactory
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface.verify import verifyObject

from txsmtpx.logins.checkers import CheckerPlugin
from txsmtpx.logins.client_certificate import CertificateChecker
from txsmtpx.setting_kinds import Text


class Checker:
    """Keeps its arguments."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments


class Missing:
    """Needs a package that is not installed."""

    def __init__(self, argument: str) -> None:
        raise ImportError("No module named 'nowhere'")


class Unreadable:
    """Cannot read its file."""

    def __init__(self, argument: str) -> None:
        raise PermissionError(13, "Permission denied", argument)


class Malformed:
    """Does not understand its file."""

    def __init__(self, argument: str) -> None:
        raise ValueError("line 1 is malformed")


def plugin(checker: type = Checker, argument: str = "FILE") -> CheckerPlugin:
    return CheckerPlugin("name", argument, "help", f"{__name__}.{checker.__name__}", (IUsernamePassword,))


def test_it_is_a_plugin_of_cred():
    assert verifyObject(ICheckerFactory, plugin())
    assert IPlugin.providedBy(plugin())


@pytest.mark.parametrize(("format_", "given"), [("FILE", "/etc/passwords"), ("FILE", "a:b"), ("", "")])
def test_the_checker_gets_the_argument(format_, given, monkeypatch):
    monkeypatch.setattr("txsmtpx.logins.checkers.namedAny", lambda name: Checker)
    assert plugin(argument=format_).generateChecker(given).arguments == ((given,) if given else ())


@pytest.mark.parametrize(("format_", "given", "text"), [
    ("FILE", "", "^it needs an argument; write name:FILE$"), ("", "x", "^it takes no argument; write name$"),
])  # fmt: skip
def test_an_argument_too_few_or_too_many(format_, given, text):
    with pytest.raises(ValueError, match=text):
        plugin(argument=format_).generateChecker(given)


@pytest.mark.parametrize(("checker", "text"), [
    (Missing, r"^the extra txsmtpx\[name\] is not installed \(No module named 'nowhere'\)$"),
    (Unreadable, r"^cannot read /x: Permission denied$"),
    (Malformed, r"^line 1 is malformed$"),
])  # fmt: skip
def test_a_checker_that_cannot_be_made(checker, text, monkeypatch):
    """Guarantee 27: one sentence, for the operator."""
    monkeypatch.setattr("txsmtpx.logins.checkers.namedAny", lambda name: checker)
    with pytest.raises(ValueError, match=text):
        plugin(checker).generateChecker("/x")


def test_the_checker_gets_its_settings(monkeypatch):
    monkeypatch.setattr("txsmtpx.logins.checkers.namedAny", lambda name: lambda *given, **settings: (given, settings))
    made = CheckerPlugin(
        "name", "FILE", "help", "x", (IUsernamePassword,), (Text("one", "1", "", ""), Text("two", "2", "", "")), "extra"
    )
    assert made.create("file", {"two": "3"}) == (("file",), {"one": "1", "two": "3"})
    assert made.generateChecker("file") == (("file",), {"one": "1", "two": "2"})


def test_an_extra_may_have_another_name(monkeypatch):
    monkeypatch.setattr("txsmtpx.logins.checkers.namedAny", lambda name: Missing)
    made = CheckerPlugin("name", "FILE", "help", "x", (IUsernamePassword,), extra="other")
    with pytest.raises(ValueError, match=r"^the extra txsmtpx\[other\] is not installed"):
        made.generateChecker("file")


@pytest.mark.parametrize("name", ["argon2", "scram", "certificate", "dovecot", "jwt", "introspection"])
def test_those_of_the_package_are_found_and_say_which_credentials_they_take(name):
    found = findCheckerFactory(name)
    assert isinstance(found, CheckerPlugin)
    assert set(found.credentialInterfaces) == set(namedAny(found.checker).credentialInterfaces)


def test_one_of_the_package_is_made():
    assert isinstance(findCheckerFactory("certificate").generateChecker(""), CertificateChecker)
