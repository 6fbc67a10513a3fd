"""The gradient of a table of which some rows were looked up."""

from __future__ import annotations

from reference_engine import dtypes
from reference_engine.semantics import cite, refusal
from reference_engine.sparse import memory
from reference_engine.tensor import Tensor


def rows_looked_up(grad: Tensor, indices: Tensor, rows: int, padding_idx: int, scale_grad_by_freq: bool) -> Tensor:
    """A row of the gradient for each index that was looked up, whether it is there before or not.

    Raises:
        RuntimeError: rows that are to be scaled by how often they were looked up.
    """
    from reference_engine.sparse.creation import unchecked

    if scale_grad_by_freq:
        raise refusal("sparse.embedding.scale")
    cite("sparse.embedding.gradient")
    width = grad._shape[-1]
    if padding_idx != -1:
        kept = indices != padding_idx
        indices, grad = indices[kept], grad[kept]
    if not grad.numel():
        return memory.no_places((rows, width), grad._dtype, 1)
    places = indices.reshape((1, -1)).to(dtypes.int64)
    return unchecked(places, grad.reshape((-1, width)), (rows, width))
