"""``torch.autograd.Variable``: what tensors that require grad were called before torch 0.4. It makes tensors."""

from __future__ import annotations

import operator
from typing import Any

from reference_engine.autograd.engine import queue_callback
from reference_engine.semantics import cite, refusal, warn


class _ExecutionEngine:
    """The one engine, as ``Variable._execution_engine`` shows it."""

    queue_callback = staticmethod(queue_callback)


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        from reference_engine.tensor import Tensor

        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """``Variable(data, requires_grad)`` is a tensor over the memory of ``data``; every tensor is an instance.

    Of the other arguments that there were, ``volatile`` warns, ``_grad_fn`` must be None, and ``name`` is nothing.
    """

    _execution_engine = _ExecutionEngine()

    def __new__(
        cls, data: Any = None, requires_grad: Any = False, volatile: Any = False, _grad_fn: Any = None, name: Any = None
    ) -> Any:
        import reference_engine as engine
        from reference_engine.tensor import Tensor

        for flag in (requires_grad, volatile):
            operator.index(flag)  # whose refusal is torch's
        if volatile:
            warn("leaf.variable.volatile")
        if volatile and requires_grad:
            raise refusal("leaf.variable.volatile_requires_grad")
        if _grad_fn is not None:
            raise refusal("leaf.variable.grad_fn", type=type(_grad_fn).__name__)
        if data is None:
            made = engine.zeros(0)
        elif not isinstance(data, Tensor):
            raise refusal("leaf.variable.type", got=type(data).__name__)
        else:
            cite("leaf.variable.tensor")
            made = data.detach()
        if not requires_grad:
            return made
        if not made.dtype.is_differentiable:
            raise refusal("leaf.factory.dtype")
        return made.requires_grad_()


def variable(*args: Any, **kwargs: Any) -> Any:
    """Removed: use ``torch.tensor``."""
    raise refusal("leaf.variable.function")


variable.Variable = Variable  # type: ignore[attr-defined]  # the function hides the module of its name
