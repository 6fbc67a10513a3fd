"""A gradient must fit the tensor it belongs to: summed if it was broadcast, cast if its dtype differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import strides
from reference_engine.autograd.node import Edge, Node
from reference_engine.semantics import cite, refusal, switch

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def validate_gradients(
    node: Node | None, grads: Sequence[Tensor | None], edges: Sequence[Edge] | None = None
) -> list[Any]:
    """Fit each gradient to the metadata of the edge it will travel.

    Raises:
        RuntimeError: a shape that cannot be summed to the expected one, or a
            complex gradient of a real tensor.
    """
    edges = edges or () if node is None else node.next_edges
    where = node.name() if node is not None else ""
    assert len(grads) == len(edges), f"{where} returned {len(grads)} gradients for {len(edges)} arguments"
    fitted: list[Any] = list(grads)
    for i, (grad, edge) in enumerate(zip(grads, edges, strict=True)):
        if grad is None or edge.node is None:
            continue
        wanted = edge.node.input_metadata[edge.input_nr]
        shape, dtype, is_sparse, meta = wanted
        if (grad._sparse is not None) is not is_sparse:
            _check_layout(grad, is_sparse, where, i)
        if grad._shape != shape:
            if not strides.is_expandable_to(shape, grad._shape):
                clause = "engine.gradient.shape" if node is not None else "engine.gradient.root_shape"
                raise refusal(clause, node=where, index=i, got=list(grad._shape), expected=list(shape))
            cite("engine.gradient.unbroadcast")
            grad = grad.sum_to_size(shape)
        if dtype is not None and grad._dtype is not dtype:
            if grad._dtype.is_complex and not dtype.is_complex:
                raise refusal("engine.gradient.complex_for_real")
            cite("engine.gradient.cast")
            grad = grad.to(dtype)
        if grad._storage.meta is not meta:
            if grad._shape:
                clause = "engine.gradient.device" if node is not None else "engine.gradient.root_device"
                raise refusal(clause, node=where, index=i, expected=wanted.device.type, got=grad.device.type)
            cite("engine.gradient.moved")
            grad = grad.to(wanted.device)
        fitted[i] = grad
    return fitted


def _check_layout(grad: Tensor, is_sparse: bool, node: str, index: int) -> None:
    """A gradient of a strided tensor may be in coordinate layout, one of a sparse tensor strided."""
    if not grad.is_sparse and not (is_sparse and switch("sparse.gradient.strided")):
        clause = "sparse.gradient.layout" if node else "sparse.gradient.root_layout"
        layouts = ("Sparse", "Strided") if is_sparse else ("Strided", "SparseCsr")
        raise refusal(clause, node=node, index=index, expected=layouts[0], got=layouts[1])
