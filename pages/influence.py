"""Influence."""

from pages.common import boot, widgets

boot.guard("influence")
boot.title("influence")
result, stale = widgets.need_result("influence")
