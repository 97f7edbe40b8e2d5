"""Objects by dotted names, and the errors for an operator.  ``tests/backends/test_plugins.py`` has more."""

from __future__ import annotations

import pytest

from txsmtpx.dotted_name import described, imported


def test_an_object():
    assert imported("txsmtpx.dotted_name.described") is described


def test_the_error_of_a_module_is_not_that_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "their_typo.py").write_text("import txsmtpx\ntxsmtpx.nothing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=r"^cannot import it: AttributeError: module 'txsmtpx' has no attribute"):
        imported("their_typo.name")


def test_a_near_name():
    with pytest.raises(ValueError, match=r"^txsmtpx has no MemoryBakend; did you mean MemoryBackend\?$"):
        imported("txsmtpx.MemoryBakend")
