"""Faults to put into the reference engine on purpose, one at a time: a suite that cannot fail proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conformance.subjects.reference import Reference
from reference_engine import semantics, strides, versions, views
from reference_engine.autograd import accumulate, engine, hooks
from reference_engine.ops.declare import OPS
from reference_engine.tensor import Tensor

Fault = Callable[[pytest.MonkeyPatch], None]
FAULTS: dict[str, Fault] = {}


def fault(make: Fault) -> Fault:
    FAULTS[make.__name__] = make
    return make


class Broken(Reference):
    """The reference engine with a fault that is there only while it runs a Program."""

    name = "broken"

    def __init__(self, make: Fault) -> None:
        super().__init__()
        self._make = make
        self._patch: pytest.MonkeyPatch | None = None

    def begin(self) -> None:
        super().begin()
        self._patch = pytest.MonkeyPatch()
        self._make(self._patch)

    def end(self) -> None:
        assert self._patch is not None
        self._patch.undo()
        super().end()


@contextmanager
def broken(make: Fault) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make(patch)
        yield


def _formula(name: str, argument: str) -> Any:
    return OPS[name][0].vjp[argument]


# -- the ten of the first issue, and some more -----------------------------------------------------------------------


@fault
def a_sign_in_a_formula(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        _formula("sub", "other"), "fn", lambda grad, alpha, other_dtype=None: grad if alpha == 1 else grad * alpha
    )
    patch.setattr(_formula("sub", "other"), "parameters", ["grad", "alpha"])


@fault
def a_factor_in_a_formula(patch: pytest.MonkeyPatch) -> None:
    right = _formula("exp", "self").fn
    patch.setattr(_formula("exp", "self"), "fn", lambda *a: right(*a) * 2)


@fault
def a_forgotten_unbroadcast(patch: pytest.MonkeyPatch) -> None:
    def first_only(self: Tensor, *size: Any) -> Any:
        shape = size[0] if len(size) == 1 and isinstance(size[0], tuple) else size
        return self.clone().as_strided(shape, strides.contiguous(shape), 0)

    patch.setattr(Tensor, "sum_to_size", first_only)


@fault
def retain_graph_ignored(patch: pytest.MonkeyPatch) -> None:
    right = engine.Pass.__init__

    def init(self: Any, keep_graph: bool, *args: Any, **kwargs: Any) -> None:
        right(self, False, *args, **kwargs)

    patch.setattr(engine.Pass, "__init__", init)


@fault
def the_graph_is_never_freed(patch: pytest.MonkeyPatch) -> None:
    right = engine.Pass.__init__

    def init(self: Any, keep_graph: bool, *args: Any, **kwargs: Any) -> None:
        right(self, True, *args, **kwargs)

    patch.setattr(engine.Pass, "__init__", init)


@fault
def accumulation_replaces(patch: pytest.MonkeyPatch) -> None:
    right = accumulate.accumulate

    def replace(variable: Tensor, grad: Tensor) -> None:
        variable._grad = None
        right(variable, grad)

    patch.setattr(accumulate, "accumulate", replace)


@fault
def a_leaf_flag(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tensor, "is_leaf", property(lambda self: not self.requires_grad))


@fault
def an_error_text(patch: pytest.MonkeyPatch) -> None:
    right = semantics.Semantics.message

    def message(self: Any, clause: str) -> tuple[str, str]:
        kind, text = right(self, clause)
        return kind, text.replace("scalar outputs", "scalar output")

    patch.setattr(semantics.Semantics, "message", message)


@fault
def a_version_bump_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(views, "bump", lambda t: None)


@fault
def a_stride_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(strides, "of_pointwise_result", lambda shape, operands: strides.contiguous(shape))


@fault
def a_gradient_keeps_the_wrong_dtype(patch: pytest.MonkeyPatch) -> None:
    right = Tensor.to
    patch.setattr(
        Tensor, "to", lambda self, *a, **k: self if engine.current_pass() is not None else right(self, *a, **k)
    )


@fault
def nodes_run_in_another_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine._Ready, "__lt__", lambda a, b: a.node.sequence < b.node.sequence)


@fault
def a_gradient_buffer_is_shared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(accumulate, "_obeying_layout", lambda grad, variable: grad)


@fault
def the_version_check_is_skipped(patch: pytest.MonkeyPatch) -> None:
    right = versions.SavedTensor.unpack

    def unpack(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._data is not None:
            self._version = self._data._version_counter.value
        return right(self, *args, **kwargs)

    patch.setattr(versions.SavedTensor, "unpack", unpack)


@fault
def hooks_change_nothing(patch: pytest.MonkeyPatch) -> None:
    def deaf(chain: Any, grad: Any) -> Any:
        for hook in list(chain.values()):
            hook(grad)
        return grad

    patch.setattr(hooks, "run_tensor_hooks", deaf)


@fault
def a_product_forgets_a_factor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_formula("mul", "self"), "fn", lambda grad, *rest: grad)


@fault
def a_view_is_written_and_its_base_keeps_its_history(patch: pytest.MonkeyPatch) -> None:
    right = views.rebase_history

    def rebase(t: Tensor, node: Any, *args: Any, **kwargs: Any) -> None:
        if t._view is None:
            right(t, node, *args, **kwargs)

    patch.setattr(views, "rebase_history", rebase)


@fault
def creating_a_graph_doubles_the_gradient(patch: pytest.MonkeyPatch) -> None:
    right = engine.validate_gradients

    def doubled(node: Any, grads: Any, *args: Any, **kwargs: Any) -> Any:
        fitted = right(node, grads, *args, **kwargs)
        record = node is not None and engine.current_pass() is not None and engine.current_pass().record  # type: ignore[union-attr]
        return [g if g is None or not record else g * 2 for g in fitted]

    patch.setattr(engine, "validate_gradients", doubled)


@fault
def a_refusal_comes_too_late(patch: pytest.MonkeyPatch) -> None:
    from reference_engine.ops import dispatch

    right = dispatch.write_in_place

    def write(target: Tensor, result: Tensor, values: Any, *args: Any, **kwargs: Any) -> None:
        if target.numel() and not target._inference:
            target._array()[...] = 0
        right(target, result, values, *args, **kwargs)

    patch.setattr(dispatch, "write_in_place", write)


__all__ = ["FAULTS", "Broken", "broken"]
