"""MTA-STS policies that are kept, in memory and in a directory (RFC 8461 §5.1)."""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from twisted.logger import Logger

from txsmtpx.grammar.mta_sts import STSPolicy

log = Logger(__name__)

MOST = 10_000
"""Policies that are kept in memory.  Recipients choose the domains (guarantee 5)."""
FILES = 10_000
"""Files in the directory."""
TEXT = 8_000_000
"""Characters of the policies in memory.  A policy has 64 KB at most, and seldom more than 200."""


_FOR_NOW = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
"""Errors of a file that may have a policy.  Clients of the server can use up descriptors, so mail waits then."""


@dataclass(frozen=True)
class KeptPolicy:
    """
    A policy that is kept.

    Attributes:
        record_id: The id of the record in the DNS when it was fetched; "" if it was not known.
        fetched: When it was fetched, in seconds since the epoch.
        text: The policy as it was fetched.
    """

    record_id: str
    fetched: float
    text: str

    @cached_property
    def policy(self) -> STSPolicy:
        """The policy, which is parsed once."""
        return STSPolicy.parsed(self.text)

    def expires(self) -> float:
        """
        Return when the policy must not be used any more.

        Returns:
            Seconds since the epoch.
        """
        return self.fetched + self.policy.max_age


class STSCache:
    """
    Keeps policies.

    Args:
        directory: The directory, in which there is one file for each domain.  It is created for the first policy.
            None: the policies are kept in memory only, and a restart forgets them.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._directory = None if directory is None else Path(directory)
        self._kept: dict[str, KeptPolicy] = {}
        self._characters = 0
        self._files: int | None = None  # about as many; other processes may share the directory

    def get(self, domain: str, now: float) -> KeptPolicy | None:
        """
        Return the policy of a domain.

        Args:
            domain: The domain, as A-labels in lower case.
            now: Seconds since the epoch.

        Returns:
            The policy; None if there is none, or if it has expired.

        Raises:
            OSError: There may be one, but its file cannot be read for now, such as for want of a descriptor.
        """
        found = self._kept.get(domain)
        if found is None or now >= found.expires():
            found = self._read(domain)  # another process may have stored it
        if found is None or now >= found.expires():
            return None
        self._remember(domain, found)
        return found

    def put(self, domain: str, kept: KeptPolicy) -> None:
        """
        Keep a policy.  If its file cannot be written, a warning is logged, and it is kept in memory.

        Args:
            domain: The domain, as A-labels in lower case.
            kept: The policy.
        """
        self._remember(domain, kept)
        if self._directory is None:
            return
        try:
            self._write(self._directory, domain, kept)
        except OSError as error:
            log.warn("the MTA-STS policy of {domain} is not stored: {error}", domain=domain, error=error)

    def _write(self, directory: Path, domain: str, kept: KeptPolicy) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self._file(domain).exists()
        files = len(self.stored()) if self._files is None else self._files
        if is_new and files >= FILES:
            raise OSError(f"there are {files} in {directory} already")
        descriptor, path = tempfile.mkstemp(prefix=".", dir=directory)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"id": kept.record_id, "fetched": kept.fetched, "policy": kept.text}, file)
            os.replace(path, self._file(domain))
        except OSError:
            os.unlink(path)
            raise
        self._files = files + is_new

    def domains(self) -> list[str]:
        """
        Return the domains with a policy.

        Returns:
            The domains; some policies may have expired.
        """
        return sorted({*self._kept, *self.stored()})

    def stored(self) -> list[str]:
        """
        Return the domains with a file.

        Returns:
            The domains.
        """
        found = [] if self._directory is None else [each.stem for each in self._directory.glob("*.json")]
        self._files = len(found)
        return found

    def forget(self, domain: str, now: float) -> None:
        """
        Forget the policy of a domain if it has expired.  If its file cannot be deleted, a warning is logged.

        A file without a policy is left: it may be one of another program, if the operator names its directory.

        Args:
            domain: The domain, as A-labels in lower case.
            now: Seconds since the epoch.

        Raises:
            OSError: As for `get`.
        """
        kept = self._kept.get(domain)
        if kept is not None and now >= kept.expires():
            self._drop(domain)
        stored = self._read(domain, warns=False)
        if stored is None or now < stored.expires():
            return
        try:
            self._file(domain).unlink(missing_ok=True)
        except OSError as error:
            log.warn("the stored MTA-STS policy of {domain} is not deleted: {error}", domain=domain, error=error)

    def _remember(self, domain: str, kept: KeptPolicy) -> None:
        if domain in self._kept:
            self._drop(domain)
        self._kept[domain] = kept
        self._characters += len(kept.text)
        while len(self._kept) > MOST or self._characters > TEXT:
            self._drop(next(iter(self._kept)))

    def _drop(self, domain: str) -> None:
        self._characters -= len(self._kept.pop(domain).text)

    def _file(self, domain: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{domain}.json"

    def _read(self, domain: str, warns: bool = True) -> KeptPolicy | None:
        """Return what a file has; None if there is none, or if it is damaged."""
        if self._directory is None:
            return None
        try:
            content = json.loads(self._file(domain).read_text(encoding="utf-8"))
            found = KeptPolicy(str(content["id"]), float(content["fetched"]), str(content["policy"]))
            found.policy  # noqa: B018  # which raises an error for one that is malformed
            if not math.isfinite(found.fetched):
                raise ValueError(f"its time is {found.fetched}")
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in _FOR_NOW:
                raise
            if warns:
                log.warn("the stored MTA-STS policy of {domain} is not used: {error}", domain=domain, error=error)
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if warns:
                log.warn("the stored MTA-STS policy of {domain} is not used: {error}", domain=domain, error=error)
            return None
        return found
