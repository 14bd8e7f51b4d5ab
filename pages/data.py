"""Data."""

from pages.common import boot

boot.guard("data")
boot.title("data")
