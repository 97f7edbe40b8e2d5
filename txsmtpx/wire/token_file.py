"""A file with the tokens of a login by OAuth 2.0, so that the next process has those of the last one."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from txsmtpx.arguments import checked
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens, json_object


class TokenFile:
    """
    A file with tokens, which only its owner can read.  One process at a time may use it.

    Args:
        path: The path.  The directory must exist.  The file is created with the first tokens.

    Attributes:
        path: As in the arguments.

    Raises:
        ValueError: The path is a directory, or its directory does not exist or cannot be written.

    Example:
        ::

            file = TokenFile("tokens.json")
            auth = OAuth2("me@example.org", tokens=file.tokens(), store=file.store, ...)
    """

    @checked
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        directory = self.path.parent
        if self.path.is_dir():
            raise ValueError(f"{path}: it is a directory; name a file")
        if not directory.is_dir():
            raise ValueError(f"{path}: there is no directory {directory}; create it, or name another file")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ValueError(f"{path}: no file can be created in {directory}; name another one")

    def tokens(self) -> OAuth2Tokens | None:
        """
        Read the file.

        Returns:
            The tokens; None if there is no file.

        Raises:
            OSError: The file cannot be read.
            ValueError: It has no tokens that `store` has written.
        """
        try:
            octets = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            found = json_object(octets)
            access_token, expires, refresh_token = found["access_token"], found["expires"], found["refresh_token"]
        except (ValueError, KeyError):
            access_token = expires = refresh_token = None
        expires = math.inf if expires is None else expires
        texts = isinstance(access_token, str) and isinstance(refresh_token, str | None)
        if not isinstance(access_token, str) or not texts or not isinstance(expires, int | float):
            raise ValueError(f"{self.path} has no tokens: remove it, and log in again at the issuer")
        return OAuth2Tokens(access_token, float(expires), refresh_token)  # type: ignore[arg-type]  # it was checked

    def store(self, tokens: OAuth2Tokens) -> None:
        """
        Write the file.  It has the old or the new tokens, whatever happens meanwhile.

        Args:
            tokens: The tokens.

        Raises:
            OSError: The file cannot be written.
        """
        expires = None if math.isinf(tokens.expires) else tokens.expires
        text = json.dumps(
            {"access_token": tokens.access_token, "expires": expires, "refresh_token": tokens.refresh_token}
        )
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)  # of a process that was killed
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
