"""
The command ``python -m txsmtpx.passwd argon2|scram FILE NAME``, which stores a password for ``--auth argon2:FILE``.

It asks for the password, or reads it from the first line of the standard input.  The password is never an argument,
since every user of the machine could read that.
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
    Return the hashes of a password, as they are in the file after the name.

    Args:
        kind: "argon2" or "scram".
        password: The password, prepared by SASLprep.
        iterations: The iterations of SCRAM.

    Returns:
        The hashes, each for a line of its own.

    Raises:
        ImportError: ``argon2-cffi`` is not installed.
    """
    if kind == "argon2":
        from argon2 import PasswordHasher

        return [PasswordHasher().hash(password)]
    salts = {mechanism: secrets.token_bytes(SALT_OCTETS) for mechanism in HASHES}
    return [written(each, verifier_for(each, password, salt, iterations)) for each, salt in salts.items()]


def store(path: str, name: str, lines: list[str]) -> None:
    """
    Replace the hashes of a user in a file.  The file is complete at any moment, and only its owner can read it.

    Args:
        path: The file, which need not exist.
        name: The user name.
        lines: The hashes.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: A line of the file is malformed.
    """
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
        raise ValueError("the two passwords are not the same")
    return password


def main(arguments: list[str] | None = None) -> None:
    """
    Run the command.

    Args:
        arguments: The arguments.  None: those of the process.

    Raises:
        SystemExit: It failed; the message is one line.
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
        sys.exit("txsmtpx.passwd: pip install 'txsmtpx[argon2]'")
    except (OSError, ValueError) as error:
        sys.exit(f"txsmtpx.passwd: {error}")


if __name__ == "__main__":
    main()
