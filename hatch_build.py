"""
The compiled wheel: `HATCH_BUILD_HOOKS_ENABLE=1 pip install .`, for which a C compiler is needed.

The modules that every command and every reply goes through are translated to C by mypyc, which reads the annotations
that mypy checks.  Nothing is written for it: the same files run without, and that is what an ordinary `pip install .`
gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # of a builder, whichever
    """Adds the compiled modules to the wheel; which they are stands in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """
        Compile, below ``build/compiled``.

        Raises:
            Exception: The compiler's.
        """
        if version == "editable":  # what is edited there has to be what runs
            return
        from mypyc.build import mypycify
        from setuptools import Distribution  # type: ignore[import-untyped]

        place = Path(self.root, "build", "compiled")
        sources = chosen(Path(self.root), self.config)
        modules = mypycify(sources, target_dir=str(place / "c"), opt_level=self.config["optimize"])
        command = Distribution({"name": "txsmtpx", "ext_modules": modules}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(place / "lib"), str(place / "temp")
        command.ensure_finalized()
        command.run()
        for output in map(Path, command.get_outputs()):
            build_data["force_include"][str(output)] = str(output.relative_to(place / "lib"))
        build_data["pure_python"], build_data["infer_tag"] = False, True


def chosen(root: Path, config: dict[str, Any]) -> list[str]:
    """The files below ``root`` that ``config``, of the hook, has compiled."""
    found = {path.relative_to(root).as_posix() for pattern in config["include"] for path in root.glob(pattern)}
    return sorted(found.difference(config["exclude"]))
