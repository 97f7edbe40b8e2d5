"""The removal of files that no message needs any more: `RemovalLog`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from twisted.logger import Logger

log = Logger(__name__)


class RemovalLog:
    """
    Log the files that cannot be removed, once for each kind of error.  A queue in a database creates it.

    The change for which a file is removed is committed.  So an error of the removal never reaches the caller: a client
    would send its message again, and a delivery would be repeated.

    Args:
        later: A sentence that says when the files are removed, for the log.

    Example:
        >>> removals, path = RemovalLog("The next start tries again."), Path("missing.eml")
        >>> with removals.removing(path):
        ...     path.unlink()
    """

    def __init__(self, later: str) -> None:
        self._later = later
        self._logged: set[object] = set()

    @contextlib.contextmanager
    def removing(self, path: Path) -> Iterator[None]:
        """
        Run a block that removes a file.  An error ends the block, and no more.  A missing file is no error.

        Args:
            path: The file.

        Yields:
            Nothing.
        """
        try:
            yield
        except FileNotFoundError:
            pass
        except Exception as error:
            kind = getattr(error, "errno", None) or type(error)
            if kind not in self._logged:
                self._logged.add(kind)
                log.error(
                    "{path} cannot be removed: {reason}.  No message needs it.  {later}  Other files with this reason"
                    " are not logged.",
                    path=path,
                    reason=getattr(error, "strerror", None) or error,
                    later=self._later,
                )
