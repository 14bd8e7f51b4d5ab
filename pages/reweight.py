"""Reweight."""

from pages.common import boot, widgets

boot.guard("reweight")
boot.title("reweight")
result, stale = widgets.need_result("curve")
