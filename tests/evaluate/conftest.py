"""Where the samples are, if they are."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real samples beside the checkout; tests skip by name where it is absent."""
    return Path(__file__).resolve().parents[2] / "../shared/data"
