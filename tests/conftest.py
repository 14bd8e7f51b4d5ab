"""Fixtures that any test may use. A few examples and draws are tried; HYPOTHESIS_PROFILE=thorough tries many."""

import os
from pathlib import Path

# Two processes test at the same time: more threads than processors wait for one another. Read at the first import.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import pytest
from hypothesis import HealthCheck, settings

from iffair_core import metrics

ROOT = Path(__file__).resolve().parents[1]

for name, examples in (("quick", 15), ("thorough", 300)):
    # A loaded machine is slow, not wrong; a fixture that lasts for all examples is meant to.
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings.register_profile(name, max_examples=examples, deadline=None, suppress_health_check=checks)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
settings.load_profile(PROFILE)

FEW_DRAWS = 200
"""Bootstrap draws where a test names no number, in place of 2,000: half the time of a study goes into them."""

if PROFILE == "quick":
    for sampler in (
        metrics.chance_band,
        metrics.intervals_from_counts,
        metrics.evaluate,
        metrics.rates_and_gaps,
        metrics.paired_difference,
        metrics.paired_change,
    ):
        assert sampler.__kwdefaults__ is not None and sampler.__kwdefaults__["draws"] == 2000
        sampler.__kwdefaults__["draws"] = FEW_DRAWS


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the repository; tests that need it are skipped where it is absent."""
    folder = (ROOT / ".." / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip("the folder with real data sets (shared/data beside the repository) is absent")
    return folder
