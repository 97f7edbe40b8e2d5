"""
Fuzzing led by coverage, with atheris: ``python -m tests.hunt.fuzz``, or ``make fuzz``.

Each target has a process of its own, for as long as it is given.  It begins with the corpus of tests/hunt/corpus, the
server's with all transcripts too; what it finds is not kept.  Octets that break something are left in ``.fuzz``, and
belong into the corpus once it is mended.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
BROKEN = Path(".fuzz")
LONGEST = 1000  # octets


def main() -> int:
    """Fuzz what is named, or all of it; 1 where something broke."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hunt.fuzz", description="Any octets for decoders and dialogs."
    )
    parser.add_argument("target", nargs="*", help="what to feed; all of them by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (%(default)s)")
    parser.add_argument("--runs", type=int, default=-1, help="for each target, at most")
    given = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["txsmtpx"], enable_loader_override=False):
        from tests.hunt.targets import TARGETS
    names = given.target or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no such target: {' '.join(sorted(unknown))}; there are {' '.join(TARGETS)}")
    BROKEN.mkdir(exist_ok=True)
    broken = []
    for name in names:
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory() as found:
            if _fuzz(name, TARGETS[name], given.seconds, given.runs, found):
                broken.append(name)
    if broken:
        print(f"broken: {' '.join(broken)}; see {BROKEN}", file=sys.stderr)
    return bool(broken)


def _fuzz(name: str, target: object, seconds: int, runs: int, found: str) -> bool:
    """
    Whether ``target`` broke; in a process of its own, for libFuzzer ends the one it runs in.

    Args:
        found: A directory for what it finds.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    import atheris

    if name == "server_dialog":
        _write_transcripts(Path(found))
    limits = [f"-max_total_time={seconds}", f"-runs={runs}", f"-max_len={LONGEST}", "-timeout=20", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={BROKEN}/{name}-", found, str(CORPUS / name)], target)
    atheris.Fuzz()
    os._exit(1)  # never: libFuzzer has ended the process


def _write_transcripts(directory: Path) -> None:
    """What clients say in tests/dialogs, a file each."""
    from txsmtpx.testing import Transcript

    for path in (Path(__file__).parents[1] / "dialogs").glob("*.txt"):
        octets = Transcript.read(path).octets
        if len(octets) < LONGEST:
            (directory / path.stem).write_bytes(b"\x04" + octets)


if __name__ == "__main__":
    sys.exit(main())
