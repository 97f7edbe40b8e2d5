"""Checkers by name, for ``twistd smtpx --auth NAME:ARGUMENT`` (`twisted.cred.strcred`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from txsmtpx.setting import Setting


@implementer(IPlugin, ICheckerFactory)
@dataclass(frozen=True)
class CheckerPlugin:
    """
    The name of a checker.

    Args:
        authType: The name.
        argStringFormat: The argument after the colon; ``""`` for none.
        authHelp: The help.
        checker: The dotted name of the class, which is imported when it is used.
        credentialInterfaces: The credential interfaces that the checker accepts.
        settings: The settings.  The class is called with their values, as keyword arguments.
        extra: The extra of txsmtpx that the class needs; ``""`` for the name.
    """

    authType: str
    argStringFormat: str
    authHelp: str
    checker: str
    credentialInterfaces: tuple[InterfaceClass, ...]
    settings: tuple[Setting[object], ...] = ()
    extra: str = ""

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """
        Create the checker with the defaults of its settings.

        Args:
            argstring: The text after the colon; ``""`` for none.

        Returns:
            The checker.

        Raises:
            ValueError: As `create`.
        """
        return self.create(argstring, {})

    def create(self, argstring: str, settings: Mapping[str, object]) -> ICredentialsChecker:
        """
        Create the checker.

        Args:
            argstring: The text after the colon; ``""`` for none.
            settings: The settings that were given, by name.

        Returns:
            The checker.

        Raises:
            ValueError: The argument or a setting cannot be used, or a package is missing; the operator gets the text.
        """
        values = {**{each.name: each.default for each in self.settings}, **settings}
        if bool(argstring) is not bool(self.argStringFormat):
            if argstring:
                raise ValueError(f"it takes no argument; write {self.authType}")
            raise ValueError(f"it needs an argument; write {self.authType}:{self.argStringFormat}")
        try:
            return cast(ICredentialsChecker, namedAny(self.checker)(*[argstring] * bool(argstring), **values))
        except ImportError as error:
            raise ValueError(f"the extra txsmtpx[{self.extra or self.authType}] is not installed ({error})") from error
        except OSError as error:
            raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error
