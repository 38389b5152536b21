"""What tests of playing may ask for."""

from pathlib import Path

import pytest

from tests.untrained import save_untrained


@pytest.fixture(scope="session")
def policy(tmp_path_factory) -> Path:
    """An untrained policy for simple_fps; knows no texts."""
    return save_untrained(tmp_path_factory.mktemp("policy") / "run")
