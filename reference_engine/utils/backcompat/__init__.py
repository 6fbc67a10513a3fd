"""``torch.utils.backcompat``: warnings about behaviour of long ago, which nothing gives any more."""

from __future__ import annotations


class Warning:
    """Whether a warning is on."""

    enabled = False

    def set_enabled(self, value: bool) -> None:
        self.enabled = value

    def get_enabled(self) -> bool:
        return self.enabled


broadcast_warning = Warning()
keepdim_warning = Warning()

__all__ = ["broadcast_warning", "keepdim_warning"]
