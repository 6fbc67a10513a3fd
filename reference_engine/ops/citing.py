"""A clause that is met not where a value is computed, but where somebody differentiates it."""

from __future__ import annotations

from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import cite
from reference_engine.tensor import Tensor

_DIFFERENTIATED = declare(
    "_differentiated(Tensor self, str clause) -> Tensor",
    forward=lambda self, clause: from_array(self._read(), self._dtype),
    vjp={"self": lambda grad, clause: _cited(grad, clause)},
    method=False, function=False, exact=True,
)  # fmt: skip


def _cited(grad: Tensor, clause: str) -> Tensor:
    cite(clause)
    return grad


def differentiated(t: Tensor, clause: str) -> Tensor:
    """The tensor, with a node more in its history that cites the clause when backward comes by."""
    made: Tensor = run(_DIFFERENTIATED, [t, clause])
    return made
