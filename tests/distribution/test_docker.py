"""
The image of docs/docker.md: its commands, run outside of Docker; its files, as linters see them.

Where a daemon of Docker runs, the commands of the page are run too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.page import Page
from tests.newcomer.clone import OFFLINE, lend, without_pip
from tests.ports import free_port
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PAGE = Page("docs/docker.md")
COMPOSE, RUN = PAGE.take("shell", "docker compose up"), PAGE.take("shell", "docker run")

DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


class Image:
    """
    What the image would contain, in a directory.

    Attributes:
        directory: The place of ``/opt/txsmtpx`` and of the working directory.
        ports: The free ports that replace 1025 and 8025.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = {"1025": free_port(), "8025": free_port()}
        self.environment = os.environ | OFFLINE | {"PATH": f"{directory}/opt/bin:{os.environ['PATH']}"}
        self.environment.pop("PYTHONPATH", None)

    def build(self) -> None:
        """Copy what is not ignored, and run the RUN instruction of the first stage, with the packages of the tests."""
        for name in re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self._made(f"src/{name}"))
        make, *others = instructions("RUN")[0].split(" && ")
        self._run(without_pip(make).replace("python", sys.executable, 1))
        lend(self.directory / "opt")
        for command in others:
            self._run(command)

    def _made(self, name: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _run(self, command: str) -> None:
        command = command.replace("/opt/txsmtpx", f"{self.directory}/opt").replace("/src", f"{self.directory}/src")
        place = {"cwd": self.directory, "env": self.environment}
        done = subprocess.run(command, shell=True, capture_output=True, text=True, **place)
        assert done.returncode == 0, done.stdout + done.stderr

    def command(self, text: str) -> list[str]:
        """A command in JSON, with the free ports, which listen on loopback."""
        for printed, port in self.ports.items():
            text = text.replace(f"tcp:{printed}", f"tcp:{port}:interface=127.0.0.1")
            text = text.replace(f", {printed},", f", {port},")
        words: list[str] = json.loads(text)
        return words

    def healthy(self) -> bool:
        """Return whether the health check succeeds."""
        (check,) = re.findall(r"CMD (\[.*\])", "".join(instructions("HEALTHCHECK")))
        return subprocess.run(self.command(check), env=self.environment, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("image"))
    made.build()
    return made


@pytest.fixture
def container(image: Image) -> Iterator[subprocess.Popen[bytes]]:
    """The process that the entry point starts."""
    command = image.command(instructions("ENTRYPOINT")[0]) + image.command(instructions("CMD")[0])
    with (image.directory / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=image.directory, env=image.environment, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


@pytest.mark.time_limit(120)
def test_the_container_catches_mail_and_is_healthy(image: Image, container: subprocess.Popen[bytes]) -> None:
    assert not image.healthy() or container.poll() is None
    eventually(image.healthy, lambda: (image.directory / "log").read_text())
    with smtplib.SMTP("127.0.0.1", image.ports["1025"], timeout=20) as client:
        client.sendmail("me@example.org", ["you@example.net"], "Subject: Hello\r\n\r\nHey <3\r\n")
    with urllib.request.urlopen(f"http://127.0.0.1:{image.ports['8025']}/api/messages", timeout=20) as answer:
        assert b"Hello" in answer.read()
    container.send_signal(signal.SIGTERM)
    assert container.wait(timeout=20) == 0
    assert not image.healthy()


def test_the_plugin_is_listed_before_the_user_changes(image: Image) -> None:
    assert [path.parent.name for path in image.directory.glob("opt/lib/**/dropin.cache") if "lent" not in path.parts]


def test_the_image_has_no_tests_and_no_root() -> None:
    assert instructions("FROM")[-1] == "python:3.13-slim"
    assert instructions("EXPOSE") == ["1025 8025"]
    assert [user for user in instructions("USER") if not user.startswith(("0", "root"))] == ["1025:1025"]
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_a_linter_accepts_the_dockerfile(tmp_path: Path) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint is not installed: make lint")
    command = [linter, "--no-color", "--failure-threshold=info"]
    done = subprocess.run([*command, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace("USER 1025:1025", "USER root"))
    assert subprocess.run([*command, tmp_path / "Dockerfile"], capture_output=True).returncode == 1


def test_the_schema_of_compose_accepts_the_file(tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, ROOT / "compose.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    (tmp_path / "compose.yaml").write_text((ROOT / "compose.yaml").read_text().replace("ports:", "port:"))
    assert subprocess.run([*command, tmp_path / "compose.yaml"], capture_output=True).returncode == 1


def test_compose_publishes_on_loopback_only() -> None:
    published = re.findall(r'^ +- "([\d.:]+)"$', (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    assert published == ["127.0.0.1:1025:1025", "127.0.0.1:8025:8025"]


def test_docker_runs_the_page() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode != 0:
        pytest.skip("no daemon of Docker runs here")
    try:
        subprocess.run(COMPOSE.text, shell=True, cwd=ROOT, check=True, timeout=600)
        run = RUN.text.replace("127.0.0.1:1025:", "127.0.0.1:0:").strip()
        subprocess.run(f"{run} --help", shell=True, cwd=ROOT, check=True, timeout=60)
    finally:
        subprocess.run([docker, "compose", "down", "--volumes"], cwd=ROOT, check=False)
