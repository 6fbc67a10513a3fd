"""What a backward pass runs, told node by node to the logger ``torch.autograd.graph`` at the level DEBUG."""

from __future__ import annotations

import functools
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reference_engine.semantics import switch

if TYPE_CHECKING:
    from reference_engine.autograd.node import Node
    from reference_engine.tensor import Tensor

log = logging.getLogger("torch.autograd.graph")


@contextmanager
def told(roots: Sequence[Any]) -> Iterator[None]:
    """Tell of every node below the edges that a pass starts from, just before it runs."""
    if log.getEffectiveLevel() > logging.DEBUG or not switch("backward.logged"):
        yield
        return
    handles = [node.register_prehook(functools.partial(_tell, node)) for node in _below(roots)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _below(roots: Sequence[Any]) -> list[Node]:
    waiting = deque(dict.fromkeys(edge.node for edge in roots))
    found = dict.fromkeys(waiting)
    while waiting:
        for node, _ in waiting.popleft().next_functions:
            if node is not None and node not in found:
                found[node] = None
                waiting.append(node)
    return list(found)


def _tell(node: Node, grads: Sequence[Tensor | None]) -> None:
    log.debug(f"Executing: {node} with grad_outputs: [{','.join(map(_shown, grads))}]")


def _shown(grad: Tensor | None) -> str:
    from reference_engine.utils._dtype_abbrs import dtype_abbrs

    return "None" if grad is None else f"{dtype_abbrs[grad.dtype]}[{', '.join(map(str, grad.shape))}]"
