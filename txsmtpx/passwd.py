"""
``python -m txsmtpx.passwd argon2|scram FILE NAME``: put a password into a file, for ``--auth argon2:FILE`` and the
like.

The password is asked for, or read from the standard input: the first line of it.  It is never an argument, which
everybody on the machine could read.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
import tempfile

from txsmtpx.logins.password_file import entries
from txsmtpx.logins.scram_file import written
from txsmtpx.sasl.mechanism import prepared
from txsmtpx.sasl.scram_verifier import HASHES, ITERATIONS, LEAST_ITERATIONS, MOST_ITERATIONS, SALT_OCTETS, verifier_for


def hashes(kind: str, password: bytes, iterations: int = ITERATIONS) -> list[str]:
    """
    What is written behind the name, a line each.

    Args:
        kind: "argon2" or "scram".

    Raises:
        ImportError: ``argon2-cffi`` is not installed.
    """
    if kind == "argon2":
        from argon2 import PasswordHasher

        return [PasswordHasher().hash(password)]
    salts = {mechanism: secrets.token_bytes(SALT_OCTETS) for mechanism in HASHES}
    return [written(each, verifier_for(each, password, salt, iterations)) for each, salt in salts.items()]


def store(path: str, name: str, lines: list[str]) -> None:
    """Give ``name`` these, instead of what it had; the file is whole at any moment, and its owner's only."""
    kept = [entry for entry in entries(path) if entry[0] != name] if os.path.exists(path) else []
    text = "".join(f"{each}:{value}\n" for each, value in [*kept, *((name, line) for line in lines)])
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)))
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if os.path.exists(path):
            status = os.stat(path)
            os.chmod(temporary, status.st_mode & 0o777)
            if os.geteuid() == 0:
                os.chown(temporary, status.st_uid, status.st_gid)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise ValueError("the two are not the same")
    return password


def main(arguments: list[str] | None = None) -> None:
    """
    The command.

    Raises:
        SystemExit: It cannot be done; one line says why.
    """
    parser = argparse.ArgumentParser(prog="python -m txsmtpx.passwd", description="Put a password into a file.")
    parser.add_argument("kind", choices=["argon2", "scram"])
    parser.add_argument("file")
    parser.add_argument("name")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="of SCRAM, 4096 or more [%(default)s]")
    options = parser.parse_args(arguments)
    try:
        name = prepared(options.name).decode("utf-8")
        if not name or ":" in name or name.startswith("#") or name != name.strip():
            raise ValueError("a name is not empty, has no colon in it, no # before it and no space around it")
        if not LEAST_ITERATIONS <= options.iterations <= MOST_ITERATIONS:
            raise ValueError(f"--iterations is {LEAST_ITERATIONS} to {MOST_ITERATIONS}, not {options.iterations}")
        password = prepared(_ask())
        if not password:
            raise ValueError("no password")
        store(options.file, name, hashes(options.kind, password, options.iterations))
    except ImportError:
        sys.exit("txsmtpx.passwd: pip install txsmtpx[argon2]")
    except (OSError, ValueError) as error:
        sys.exit(f"txsmtpx.passwd: {error}")


if __name__ == "__main__":
    main()
