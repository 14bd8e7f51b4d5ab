"""Baseline."""

from pages.common import boot, widgets

boot.guard("baseline")
boot.title("baseline")
result, stale = widgets.need_result("baseline")
