"""The user of ``twistd --uid``, before twistd changes to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def changes_user(uid: object, gid: object) -> bool:
    """
    Return whether ``twistd`` will change to another user or group.

    Args:
        uid: The number that ``twistd --uid`` names, None without the option.
        gid: The number that ``twistd --gid`` names, None without the option.

    Returns:
        True if it will; False without root.
    """
    given = isinstance(uid, int | None) and isinstance(gid, int | None) and not uid == gid is None
    return given and os.geteuid() == 0


@contextlib.contextmanager
def other_user(uid: object, gid: object) -> Iterator[None]:
    """
    Take the rights of a user for the time of a ``with`` block.  Without root, the process keeps its own rights.

    Args:
        uid: The number that ``twistd --uid`` names, None without the option.
        gid: The number that ``twistd --gid`` names, None without the option.

    Yields:
        Nothing.
    """
    if not changes_user(uid, gid):
        yield
        return
    assert isinstance(uid, int | None)
    assert isinstance(gid, int | None)
    import pwd

    user = pwd.getpwuid(0 if uid is None else uid)
    groups = os.getgroups()
    os.initgroups(user.pw_name, user.pw_gid if gid is None else gid)
    os.setegid(user.pw_gid if gid is None else gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
