"""Baseline."""

from pages.common import boot

boot.guard("baseline")
boot.title("baseline")
