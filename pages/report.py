"""Report."""

from pages.common import boot

boot.guard("report")
boot.title("report")
