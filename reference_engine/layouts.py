"""``torch.layout`` and ``torch.memory_format``. Only strided tensors exist here; the others can be named."""

from __future__ import annotations


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
