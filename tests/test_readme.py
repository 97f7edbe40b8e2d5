"""The README says what is true: each block of code in it is run, or is a file that another test runs."""

from __future__ import annotations

import contextlib
import datetime
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.scripts.twistd import ServerOptions

from txsmtpx.backends.plugin import plugins
from txsmtpx.command.box import OPTIONS
from txsmtpx.extensions.box import EXTENSIONS
from txsmtpx.sasl.box import MECHANISMS
from txsmtpx.tap import Options

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    lines = "".join(blocks(page, "shell")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line]


def test_every_block_is_of_a_kind_that_is_run() -> None:
    fences = re.findall(r"^```(.*)$", README, re.MULTILINE)
    assert set(fences[::2]) == {"shell", "python", "telnet", "ini"}
    assert set(fences[1::2]) == {""}


@pytest.mark.parametrize(("language", "suffix"), [("python", "py"), ("telnet", "telnet")])
def test_examples_are_shown_whole(language: str, suffix: str) -> None:
    """They are run, and talked to, by test_examples."""
    names = ("smtp_server", "lmtp_server", "send_mail", "django_mail", "own_command")
    files = [ROOT / "examples" / f"{name}.{suffix}" for name in names]
    assert blocks(README, language) == [file.read_text() for file in files if file.exists()]


@pytest.fixture(scope="module")
def pem() -> dict[str, bytes]:
    """A key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    key_format = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "privkey.pem": key.private_bytes(*key_format),
        "fullchain.pem": builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM),
    }


@pytest.fixture
def _files(pem: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands of the README name."""
    monkeypatch.chdir(tmp_path)
    for name, content in {**pem, "passwords": b"me:secret\n"}.items():
        Path(name).write_bytes(content)


@pytest.mark.usefixtures("_files")
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's own doing
@pytest.mark.parametrize("command", [*commands(README), *commands(CONTRIBUTING)])
def test_command(command: str) -> None:
    match shlex.split(command):
        case ["make", *arguments]:
            run_dry(*arguments)
        case ["twistd", *arguments]:
            parse(*arguments)
        case [("python" | ".venv/bin/python"), "-m", "pip", "install", "."]:
            assert PROJECT["name"] == "txsmtpx"
        case [("python" | ".venv/bin/python"), script] | [".venv/bin/python", "-m", "pytest", script]:
            assert (ROOT / script).is_file()
        case _:
            pytest.fail(f"nobody runs this: {command}")


def run_dry(*arguments: str) -> None:
    """All of it but what it would do: this test is itself part of it."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "--dry-run", *arguments]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for argument in arguments:
        name, equals, options = argument.partition("=")
        if equals:
            assert name == "ARGS"
            assert options in said
            if arguments[0] == "serve":
                parse("-n", "smtpx", *shlex.split(options))


def parse(*arguments: str) -> None:
    """Everything but listening."""
    ends = any(argument.startswith("--help") for argument in arguments)
    with pytest.raises(SystemExit, match=r"^0$") if ends else contextlib.nullcontext():
        ServerOptions().parseOptions(arguments)


def test_two_commands_come_first() -> None:
    assert commands(README)[:2] == ["make serve", "make test"]


def test_options_exist() -> None:
    known = set(re.findall(r"--[a-z-]+", Options().getUsage()))
    assert set(re.findall(r"`(--[a-z-]+)", README)) <= known


def test_extensions_are_those_of_the_box() -> None:
    rows = re.findall(r"^\| `([A-Z0-9-]+)` \| (RFC [0-9]+|draft-[a-z-]+|Postfix [A-Z_]+) \|", README, re.MULTILINE)
    assert rows == [(each.keyword, each.rfc) for each in EXTENSIONS if not each.needs_backend]
    others = re.findall(r"`([A-Z0-9-]+)` \((RFC [0-9]+)\)", README)
    assert others == [(each.keyword, each.rfc.partition(",")[0]) for each in EXTENSIONS if each.needs_backend]
    (words,) = re.findall(r"^\| `AUTH` \| RFC 4954 \|(.*)", README, re.MULTILINE)
    assert set(re.findall(r"[A-Z][A-Z0-9-]+", words)) == {mechanism.name for mechanism in MECHANISMS}


def test_backends_are_those_of_the_box() -> None:
    (row,) = re.findall(r"^\| `--backend` \|(.*)$", README, re.MULTILINE)
    assert set(re.findall(r"`([^`]+)`", row)) == {plugin.syntax for plugin in plugins().values()}


def test_defaults_are_those_of_the_command() -> None:
    octets, recipients = (OPTIONS[name].default for name in ("max-message-bytes", "max-recipients"))
    limits = f"{octets} octets and {recipients} unless"
    assert limits in README


def test_versions_are_those_of_the_project() -> None:
    ((python, twisted),) = re.findall(r"needs Python ([0-9.]+) and Twisted ([0-9.]+), or newer", README)
    assert PROJECT["requires-python"] == f">={python}"
    assert f"twisted>={twisted}" in PROJECT["dependencies"]


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 430
