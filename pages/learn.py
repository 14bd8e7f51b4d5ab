"""Learn."""

from pages.common import boot

boot.guard("learn")
boot.title("learn")
