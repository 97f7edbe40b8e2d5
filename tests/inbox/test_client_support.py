"""The support of HTML and CSS by mail clients."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from txsmtpx.inbox.client_support import data_date, support_of

DATA = files("txsmtpx.inbox").joinpath("data", "caniemail.json")


def test_the_least_supported_feature_comes_first():
    found = support_of(["css-display-flex", "html-p", "html-video", "css-none-such"])
    assert [each.title for each in found] == ["<video> element", "display:flex"]
    assert "Outlook Windows" in found[0].unsupported
    assert 0 < found[0].percent < found[1].percent < 100
    assert found[1].url == "https://www.caniemail.com/features/css-display-flex/"


def test_each_answer_belongs_to_a_client():
    found = json.loads(DATA.read_text(encoding="utf-8"))
    assert len(found["features"]) > 250
    assert {len(answers) for _, answers in found["features"].values()} == {len(found["clients"])}
    assert {each for _, answers in found["features"].values() for each in answers} == set("yan-")


def test_the_license_is_that_of_its_author():
    found = json.loads(DATA.read_text(encoding="utf-8"))
    assert "MIT License" in found["license"]
    assert "R\u00e9mi Parmentier" in found["license"]
    assert "The above copyright notice" in found["license"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", data_date())


def test_the_file_is_made_of_the_package(tmp_path):
    """The same as docs/caniemail.py makes of what npm has."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    subprocess.run(["npm", "pack", "--silent", "caniemail@1.0.5"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "xf", "caniemail-1.0.5.tgz"], cwd=tmp_path, check=True)
    (tmp_path / "LICENSE").write_text(json.loads(DATA.read_text(encoding="utf-8"))["license"], encoding="utf-8")
    script = Path(__file__).parents[2] / "docs" / "caniemail.py"
    command = [sys.executable, str(script), "package/data/caniemail.json", "LICENSE"]
    made = subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE).stdout
    assert made == DATA.read_bytes()
