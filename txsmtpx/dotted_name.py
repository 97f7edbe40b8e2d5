"""Objects by their dotted names, such as ``my_package.backend``, with errors for an operator."""

from __future__ import annotations

from twisted.python.reflect import InvalidName, ObjectNotFound, namedAny

from txsmtpx.setting import did_you_mean


def imported(dotted: str) -> object:
    """
    Import the object of a dotted name.

    Args:
        dotted: The name, such as ``"my_package.backend"``.

    Returns:
        The object.

    Raises:
        ValueError: There is none; or the module raises an exception, SystemExit included.

    Example:
        >>> imported("txsmtpx.dotted_name.imported") is imported
        True
    """
    try:
        return namedAny(dotted)
    except (InvalidName, ObjectNotFound):  # of which the second is about the package, or a module in it
        text = f"there is no {dotted}; write PACKAGE.MODULE.NAME, and install the package or add it to PYTHONPATH"
        raise ValueError(text) from None
    except AttributeError as error:
        if not _is_missing(error, dotted):
            raise ValueError(f"cannot import it: AttributeError: {error}") from error
        near = did_you_mean(str(error.name), dir(error.obj))
        raise ValueError(f"{dotted.rpartition('.')[0]} has no {error.name}{near or '; write another name'}") from None
    except (Exception, SystemExit) as error:  # whatever the module does when it is imported
        raise ValueError(f"cannot import it: {described(error)}") from error


def described(error: BaseException) -> str:
    """
    Return an exception as an operator reads it.

    Args:
        error: The exception.

    Returns:
        Its type, and its text if there is one.

    Example:
        >>> described(RuntimeError("no database")), described(SystemExit())
        ('RuntimeError: no database', 'SystemExit')
    """
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_missing(error: AttributeError, dotted: str) -> bool:
    """Return whether an error is about the last part of a dotted name, and not about the code of its module."""
    return isinstance(error.name, str) and error.name == dotted.rpartition(".")[2]
