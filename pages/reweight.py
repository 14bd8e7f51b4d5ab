"""Reweight."""

from pages.common import boot

boot.guard("reweight")
boot.title("reweight")
