"""A file of passwords, whose hashes cost little."""

from __future__ import annotations

import argon2
import pytest

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users"
    path.write_text(f"# those of the house\n\nalice:{CHEAP.hash('wonderland')}\n")
    return path
