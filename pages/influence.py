"""Influence."""

from pages.common import boot

boot.guard("influence")
boot.title("influence")
