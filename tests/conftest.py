"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real Japanese data; tests that need it are skipped, saying so, where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MIGAKI_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set MIGAKI_DATA")
    return folder
