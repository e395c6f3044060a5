"""The made-up town, drawn once for the tests of this folder."""

from __future__ import annotations

import pytest

from boundaries.demo import Town, generate


@pytest.fixture(scope="session")
def town() -> Town:
    return generate()
