"""The examples in docstrings show what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("wording", "errors", "data.row_selectors", "data.groups", "data.splitting", "data.suggestions")


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_shows(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(f"iffair_core.{name}"))
    assert attempted > 0 and failed == 0
