"""The user of ``twistd --uid``, before twistd changes to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


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
    if not isinstance(uid, int | None) or not isinstance(gid, int | None) or uid == gid is None or os.geteuid() != 0:
        yield
        return
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
