"""The node of a custom Function: what it saved, and how it calls the user's backward.

It is also the ctx that the user sees; what may be done with that is in ``function.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import levels
from reference_engine.autograd.node import InputMeta, Node
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.versions import SavedTensor

if TYPE_CHECKING:
    from reference_engine.dtypes import dtype
    from reference_engine.tensor import Tensor

UNDEFINED = InputMeta((), None)  # no gradient ever arrives for such an output


class _Guarded:
    """An attribute of ctx that may only be read, or only be written, as in torch."""

    def __init__(self, get: Callable[[Any], Any] | None = None, put: Callable[[Any, Any], None] | None = None) -> None:
        self.get, self.put = get, put

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, ctx: Any, owner: type | None = None) -> Any:
        if ctx is None:
            return self
        if self.get is None:
            raise refusal("function.ctx.attribute", name=self.name, access="readable")
        return self.get(ctx)

    def __set__(self, ctx: Any, value: Any) -> None:
        if self.put is None:
            raise refusal("function.ctx.attribute", name=self.name, access="writable")
        self.put(ctx, value)


def _saved_tensors(ctx: _FunctionBase) -> tuple[Any, ...]:
    """What was saved, checked and with its history; in ``jvp``: what was saved for forward."""
    if ctx.saved_for_forward is not None:
        return ctx.saved_for_forward
    if ctx._read_once:
        raise refusal("function.saved_tensors.once")
    if ctx._freed:
        raise refusal("engine.freed_graph")
    found = tuple(s if s is None else s.unpack(looking=True) for s in ctx._saved)
    if ctx._saved and ctx._clears:
        ctx._read_once = True
        ctx._saved = []
    return found


def _raw_saved_tensors(ctx: _FunctionBase) -> tuple[Any, ...]:
    if ctx._freed:
        raise refusal("engine.freed_graph")
    return tuple(SavedTensor(None, ctx) if s is None else s for s in ctx._saved)


def _saved_variables(ctx: _FunctionBase) -> tuple[Any, ...]:
    warn("function.saved_variables")
    return _saved_tensors(ctx)


def _set_materialize(ctx: _FunctionBase, value: Any) -> None:
    if not isinstance(value, bool):
        raise refusal("function.materialize_grads.type")
    ctx._materialize = value


def _set_pure_view(ctx: _FunctionBase, value: Any) -> None:
    if switch("function.pure_view") and not isinstance(value, bool):
        raise refusal("function.pure_view.type")
    ctx._pure_view = bool(value)


class OutputInfo:
    """What is needed to make zeros in place of an undefined gradient of an output."""

    __slots__ = ("shape", "dtype", "differentiable")

    def __init__(self, shape: tuple[int, ...], dtype: dtype, differentiable: bool) -> None:
        self.shape, self.dtype, self.differentiable = shape, dtype, differentiable

    def zeros(self) -> Tensor:
        from reference_engine.ops.kernels import empty

        made = empty(self.shape, self.dtype)
        made._version_counter.value = 1  # torch fills fresh memory in place
        return levels.fresh(made) if levels.stack else made


class _FunctionBase(Node):
    """The node of a custom Function, and its ctx."""

    to_save: Any = None
    saved_for_forward: Any = None
    dirty_tensors: Any = None
    non_differentiable: Any = None
    needs_input_grad: Any = None
    requires_grad = True
    _materialize = True
    _pure_view = False
    _materialize_non_diff_grads = True
    _freed = False
    _clears = False
    _boxed = False
    _read_once = False

    saved_tensors = _Guarded(_saved_tensors)
    saved_variables = _Guarded(_saved_variables)
    _raw_saved_tensors = _Guarded(_raw_saved_tensors)
    materialize_grads = _Guarded(put=_set_materialize)
    _is_pure_view = _Guarded(put=_set_pure_view)

    def __init__(self) -> None:
        super().__init__()
        self._saved: list[SavedTensor | None] = []
        self._is_variable_input: list[bool] = []
        self._outputs: list[OutputInfo | None] = []

    def name(self) -> str:
        return type(self).__name__

    def maybe_clear_saved_tensors(self) -> None:
        """Forget what was saved, unless the backward that runs keeps its graph."""
        from reference_engine.autograd.engine import current_pass

        running = current_pass()
        if running is None or not running.keep_graph:
            self.release_variables()

    def add_output(self, tensor: Tensor | None) -> int:
        """Register one more result of forward; None stands for one that gets no gradient."""
        if tensor is not None:
            return self.add_input(tensor)
        self.input_metadata.append(UNDEFINED)
        return len(self.input_metadata) - 1

    def release_variables(self) -> None:
        self._saved = []
        self._freed = True

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        """Call the user's backward, and hold what it returns to the arguments of forward."""
        given = [self._given(i, g) for i, g in enumerate(grads)]
        result = self.apply_boxed(given) if self._boxed else self.apply(*given)  # type: ignore[attr-defined]
        return self._gradients(result if isinstance(result, tuple) else (result,))

    def _given(self, i: int, grad: Tensor | None) -> Tensor | None:
        info = self._outputs[i]
        if grad is not None or info is None or not self._materialize:
            return grad
        if not info.differentiable and not self._materialize_non_diff_grads:
            return None
        cite("function.materialize_grads")
        return info.zeros()

    def _gradients(self, result: tuple[Any, ...]) -> list[Tensor | None]:
        """One gradient for each tensor among the arguments.

        Raises:
            RuntimeError: too few or too many gradients, one for an argument that was no tensor, or no tensor.
        """
        from reference_engine.tensor import Tensor

        expected = len(self._is_variable_input)
        if len(result) > expected and all(g is None for g in result[expected:]):
            result = result[:expected]
        if len(result) != expected:
            raise refusal("function.backward.count", node=self.name(), expected=expected, got=len(result))
        found: list[Tensor | None] = []
        for i, (grad, is_tensor) in enumerate(zip(result, self._is_variable_input, strict=True)):
            if not is_tensor:
                if grad is not None:
                    raise refusal("function.backward.non_tensor_input", node=self.name(), position=i + 1)
                continue
            if grad is not None and not isinstance(grad, Tensor):
                raise refusal("function.backward.type", type=type(grad).__name__)
            if grad is None:
                cite("function.backward.none")
            elif not self.needs_input_grad[i]:
                cite("function.backward.not_required")
            found.append(grad)
        return found
