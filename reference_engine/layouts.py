"""``torch.layout`` and ``torch.memory_format``. Only strided tensors exist here; the others can be named."""

from __future__ import annotations

from collections.abc import Sequence

from reference_engine import strides
from reference_engine.semantics import refusal


class layout(str):
    """How the elements of a tensor are kept."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class memory_format(str):
    """In what order an operation lays out its result."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


LAYOUTS = {
    name: layout(f"torch.{name}")
    for name in ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged")
}
MEMORY_FORMATS = {
    name: memory_format(f"torch.{name}")
    for name in ("preserve_format", "contiguous_format", "channels_last", "channels_last_3d")
}

_CHANNELS_LAST = {"torch.channels_last": 4, "torch.channels_last_3d": 5}  # and the rank that each is for


def strides_in(shape: Sequence[int], name: str | None) -> tuple[int, ...]:
    """The strides of a fresh tensor in a memory format; row-major for None.

    Raises:
        RuntimeError: the format is for tensors of another rank.
    """
    rank = _CHANNELS_LAST.get(name or "")
    if rank is None:
        return strides.contiguous(tuple(shape))
    if len(shape) != rank:
        raise refusal("tensor.memory_format.rank", rank=rank, format=str(name).removeprefix("torch."))
    return strides.channels_last(shape)


def is_laid_out(shape: Sequence[int], given: Sequence[int], name: str | None) -> bool:
    """Whether elements lie gapless in the order of a memory format. Strides of dimensions of size one do not matter."""
    rank = _CHANNELS_LAST.get(name or "")
    if rank is None:
        return strides.is_contiguous(shape, given)
    if len(shape) != rank:
        return False
    return all(n == 1 or a == b for n, a, b in zip(shape, given, strides.channels_last(shape), strict=True))
