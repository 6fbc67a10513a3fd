"""``torch.nn.modules``, where torch keeps what ``torch.nn`` shows: the same classes."""

from __future__ import annotations

from reference_engine import nn

__all__ = nn.__all__
__path__: list[str] = []  # its submodules are those of nn, under torch's names


def __getattr__(name: str) -> object:
    return getattr(nn, name)
