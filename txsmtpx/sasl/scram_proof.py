"""The credentials of SCRAM (RFC 5802): the client has proved that it knows the password."""

from __future__ import annotations

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer


class IScramProof(ICredentials):
    """
    The client has proved that it knows the password of ``username``: the login has succeeded.

    Only the server's half of SCRAM creates these credentials.  A checker or backend that accepts them is a
    `ScramBackend`.  If it has verifiers for some of the mechanisms only, it is a `ScramMechanisms` too.
    """

    username: bytes = Attribute("The user name.")
    mechanism: str = Attribute("The mechanism of the proof.")
    authorization: str = Attribute('The user to act as, "" for the same; the backend has allowed it.')


@implementer(IScramProof)
class ScramProof:
    """
    The credentials.  See `IScramProof` for the attributes.

    Args:
        username: The user name.
        mechanism: The mechanism of the proof.
        authorization: The user to act as; "" for the same.
    """

    def __init__(self, username: bytes, mechanism: str, authorization: str = "") -> None:
        self.username = username
        self.mechanism = mechanism
        self.authorization = authorization

    def __repr__(self) -> str:
        return f"<ScramProof {self.username!r} by {self.mechanism}>"
