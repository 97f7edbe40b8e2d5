"""Checkers by name, for ``twistd smtpx --auth NAME:ARGUMENT`` (`twisted.cred.strcred`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface import implementer
from zope.interface.interface import InterfaceClass


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
    """

    authType: str
    argStringFormat: str
    authHelp: str
    checker: str
    credentialInterfaces: tuple[InterfaceClass, ...]

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """
        Create the checker.

        Args:
            argstring: The text after the colon; ``""`` for none.

        Returns:
            The checker.

        Raises:
            ValueError: The argument cannot be used, or a package is missing; the operator gets the text.
        """
        if bool(argstring) is not bool(self.argStringFormat):
            if argstring:
                raise ValueError(f"it takes no argument; write {self.authType}")
            raise ValueError(f"it needs an argument; write {self.authType}:{self.argStringFormat}")
        try:
            return cast(ICredentialsChecker, namedAny(self.checker)(*[argstring] * bool(argstring)))
        except ImportError as error:
            raise ValueError(f"the extra txsmtpx[{self.authType}] is not installed ({error})") from error
        except OSError as error:
            raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error
