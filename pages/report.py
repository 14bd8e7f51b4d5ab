"""Report."""

from pages.common import boot, widgets

boot.guard("report")
boot.title("report")
result, stale = widgets.need_result("after")
