"""``torch.sparse.as_sparse_gradcheck``: gradcheck of functions of sparse tensors, by way of their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reference_engine.sparse import memory
from reference_engine.sparse.creation import unchecked
from reference_engine.tensor import Tensor


@dataclass(frozen=True)
class _Places:
    """A sparse tensor without its values: what makes it again of other ones."""

    layout: Any
    shape: tuple[int, ...]
    parts: tuple[Tensor, ...]
    coalesced: bool

    def filled(self, values: Tensor) -> Tensor:
        import reference_engine as engine

        made: Tensor
        if len(self.parts) == 1:
            made = unchecked(self.parts[0], values, self.shape, self.coalesced)
        else:
            made = engine.sparse_compressed_tensor(
                *self.parts, values, self.shape, layout=self.layout, check_invariants=False
            )
        return made


def as_sparse_gradcheck(gradcheck: Callable[..., bool]) -> Callable[..., bool]:
    """Let a gradcheck of strided tensors check functions that take or return sparse ones.

    With ``masked=True`` only what is specified of an input is a variable; else each element, the zeros too.
    """

    def gradcheck_with_sparse_support(func: Callable[..., Any], inputs: Any, **kwargs: Any) -> bool:
        masked = kwargs.pop("masked", False)

        def strided(func_of_sparse: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any) -> Any:
                outputs = func_of_sparse(*_restored(given))
                many = isinstance(outputs, (list, tuple))
                whole = tuple(_densified(o, masked) for o in (outputs if many else (outputs,)))
                return whole if many else whole[0]

            return call

        given = tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
        return gradcheck(strided(func), _taken_apart(given, masked), **kwargs)

    return gradcheck_with_sparse_support


def _taken_apart(inputs: Sequence[Any], masked: bool) -> tuple[Any, ...]:
    """Sparse tensors that require grad as their places and, next to them, their values."""
    made: list[Any] = []
    for t in inputs:
        if not (isinstance(t, Tensor) and t._sparse is not None and t.requires_grad):
            made.append(t)
            continue
        if not masked:
            t = t.to_dense().sparse_mask(_full(t))
        kept = t._sparse
        assert kept is not None
        *places, values = kept.parts().values()
        coalesced = isinstance(kept, memory.Coo) and kept.coalesced
        made += [_Places(kept.layout, t._shape, tuple(places), coalesced), values.detach().requires_grad_(True)]
    return tuple(made)


def _full(t: Tensor) -> Tensor:
    """A tensor of the same layout that specifies every element."""
    import reference_engine as engine

    kept = t._sparse
    assert kept is not None
    blocksize = getattr(kept, "blocksize", None) or None
    mask = engine.ones(t._shape, dtype=engine.bool)
    made: Tensor = mask.to_sparse(layout=kept.layout, blocksize=blocksize, dense_dim=kept.dense_dim)
    return made


def _restored(given: Sequence[Any]) -> list[Any]:
    rest, made = list(given), []
    while rest:
        first = rest.pop(0)
        made.append(first.filled(rest.pop(0)) if isinstance(first, _Places) else first)
    return made


def _densified(value: Any, masked: bool) -> Any:
    if isinstance(value, Tensor) and value._sparse is not None and value.requires_grad:
        return value.to_dense(masked_grad=masked)
    return value
