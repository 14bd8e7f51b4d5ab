"""Fixtures that any test may use. Hypothesis tries a few examples; HYPOTHESIS_PROFILE=thorough tries many."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

for name, examples in (("quick", 15), ("thorough", 300)):
    # A loaded machine is slow, not wrong; a fixture that lasts for all examples is meant to.
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings.register_profile(name, max_examples=examples, deadline=None, suppress_health_check=checks)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the repository; tests that need it are skipped where it is absent."""
    folder = (ROOT / ".." / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip("the folder with real data sets (shared/data beside the repository) is absent")
    return folder
