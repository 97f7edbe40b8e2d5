"""The strongest mechanism that a server offers, for a name and a password."""

from __future__ import annotations

from collections.abc import Collection

from txsmtpx.errors import NotOffered
from txsmtpx.interfaces import ISASLClient, SASLClientLike
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.login_mechanism import AuthLogin
from txsmtpx.sasl.mechanism import computes
from txsmtpx.sasl.plain import Plain
from txsmtpx.sasl.scram import NAMES, Scram
from txsmtpx.sasl.scram_verifier import HASHES


def strongest(offered: Collection[str], username: str, password: str, bindable: bool) -> ISASLClient:
    """
    Return the client's half of the strongest mechanism.

    SCRAM with channel binding is stronger than SCRAM, which is stronger than CRAM-MD5.  The mechanisms that send the
    password itself come last.

    Args:
        offered: The mechanisms that the server offers.
        username: The user name.
        password: The password.
        bindable: True if the connection has a channel binding.

    Returns:
        The client's half.

    Raises:
        NotOffered: The server offers no mechanism for a password that this system can compute.
    """
    names = [name for name in NAMES if computes(HASHES[name])]
    for name in [f"{name}-PLUS" for name in names] * bindable + names:
        if name in offered:
            return Scram(name, username, password)
    if CramMD5.name in offered and computes("md5"):
        return CramMD5(username, password)
    in_clear = _in_clear(offered, username, password)
    if in_clear is not None:
        return in_clear
    text = f"no mechanism for a password is offered, only: {' '.join(sorted(offered)) or 'none'}"
    if CramMD5.name in offered:
        text += " (this system has no MD5)"
    raise NotOffered(text, command="AUTH", temporary=True)


def after(failed: SASLClientLike, offered: Collection[str], username: str, password: str) -> ISASLClient | None:
    """
    Return what is tried after a mechanism of `strongest` has failed: PLAIN or LOGIN after CRAM-MD5.

    A server that keeps hashes of passwords cannot check CRAM-MD5, and some offer it all the same.  Nothing is tried
    after SCRAM: its failure may mean that someone is between the client and the server.

    Args:
        failed: The mechanism that has failed.
        offered: The mechanisms that the server offers.
        username: The user name.
        password: The password.

    Returns:
        The client's half; None if nothing is tried.
    """
    return _in_clear(offered, username, password) if isinstance(failed, CramMD5) else None


def _in_clear(offered: Collection[str], username: str, password: str) -> ISASLClient | None:
    """Return a mechanism that sends the password itself."""
    return next((each(username, password) for each in (Plain, AuthLogin) if each.name in offered), None)
