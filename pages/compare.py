"""Compare."""

from pages.common import boot

boot.guard("compare")
boot.title("compare")
