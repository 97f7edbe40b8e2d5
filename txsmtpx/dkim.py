"""The command ``python -m txsmtpx.dkim keygen DOMAIN``: it writes a key that signs mail, and prints its DNS record."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from txsmtpx.wire.dkim_key import DKIMKey

_LONGEST = 250
"""Octets of a character string in a TXT record; 255 at most (RFC 1035 §3.3)."""


def parser() -> argparse.ArgumentParser:
    """
    Return the parser of the command's arguments.

    Returns:
        The parser.
    """
    found = argparse.ArgumentParser(prog="python -m txsmtpx.dkim", description="Make keys that sign mail (DKIM).")
    actions = found.add_subparsers(dest="action", metavar="ACTION", required=True)
    keygen = actions.add_parser("keygen", help="write a key, and print its DNS record")
    keygen.add_argument("domain", metavar="DOMAIN", help="the domain whose mail is signed")
    keygen.add_argument("--selector", default="mail", help="the name of the key within the domain [mail]")
    keygen.add_argument("--kind", choices=("rsa", "ed25519"), default="rsa", help="the kind of the key [rsa]")
    keygen.add_argument("--directory", default=".", help="the directory for the key [.]")
    return found


def record_lines(key: DKIMKey) -> Iterator[str]:
    """
    Describe the record of a key, as a zone file has it.

    Args:
        key: The key.

    Yields:
        The lines.

    Example:
        >>> next(record_lines(DKIMKey.generated("mail", "example.org", "ed25519")))
        'mail._domainkey.example.org. IN TXT ('
    """
    yield f"{key.record_name}. IN TXT ("
    for at in range(0, len(key.record), _LONGEST):
        yield f'    "{key.record[at : at + _LONGEST]}"'
    yield ")"


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run the command.

    Args:
        arguments: The arguments.  None: those of the process.

    Raises:
        SystemExit: It failed; the message is one line.
    """
    options = parser().parse_args(arguments)
    try:
        key = DKIMKey.generated(options.selector, options.domain, options.kind)
        path = Path(options.directory, f"{key.record_name}.pem")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        sys.exit(f"txsmtpx.dkim: {error.filename} exists; choose another selector")
    except (FileNotFoundError, NotADirectoryError):
        text = f"there is no directory {options.directory}; create it: mkdir -m 700 {options.directory}"
        sys.exit(f"txsmtpx.dkim: {text}")
    except OSError as error:
        sys.exit(f"txsmtpx.dkim: {error.filename}: {error.strerror}")
    except ValueError as error:
        sys.exit(f"txsmtpx.dkim: {error}")
    with open(descriptor, "wb") as file:
        file.write(key.pem)
    print(f"; {path} has the key. Publish this record:")
    print("\n".join(record_lines(key)))


if __name__ == "__main__":
    main()
