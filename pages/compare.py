"""Compare."""

from pages.common import boot, widgets

boot.guard("compare")
boot.title("compare")
result, stale = widgets.need_result("curve")
