"""
Checkers by name: ``--auth NAME:ARGUMENT`` (`twisted.cred.strcred`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface import implementer


@implementer(IPlugin, ICheckerFactory)
@dataclass(frozen=True)
class CheckerPlugin:
    """
    A name for a checker.

    Attributes:
        argStringFormat: What stands behind the name, "" for nothing.
        checker: Dotted name of what makes it, imported only when asked for.
    """

    authType: str
    argStringFormat: str
    authHelp: str
    checker: str
    credentialInterfaces: tuple[Any, ...]

    def generateChecker(self, argstring: str) -> Any:
        """
        Make it.

        Raises:
            ValueError: It cannot be had; the text is shown to the operator.
        """
        if bool(argstring) is not bool(self.argStringFormat):
            raise ValueError(f"--auth {self.authType} takes {self.argStringFormat or 'no argument'}")
        try:
            return namedAny(self.checker)(*[argstring] * bool(argstring))
        except ImportError as error:
            raise ValueError(f"--auth {self.authType} needs txsmtpx[{self.authType}] ({error})") from error
        except OSError as error:
            raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error
