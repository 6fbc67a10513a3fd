"""``torch.library.opcheck``: is an operator registered as it should be?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_engine.dispatcher import custom_ops, operators
from reference_engine.dispatcher.custom_ops import CustomOpDef
from reference_engine.dispatcher.operators import OpOverload, OpOverloadPacket
from reference_engine.tensor import Tensor, tensors_in

ALL_TESTS = (
    "test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_static",
    "test_aot_dispatch_dynamic",
)  # fmt: skip
DEFAULT_TESTS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


class OpCheckError(Exception):
    """An operator is not registered as it should be."""


def opcheck(
    op: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, *, test_utils: Any = DEFAULT_TESTS,
    raise_exception: bool = True, atol: float | None = None, rtol: float | None = None,
) -> dict[str, str]:  # fmt: skip
    """Check an operator on some arguments.

    Returns:
        "SUCCESS" for each check, or the exception where ``raise_exception`` is off.

    Raises:
        ValueError: an unknown check. OpCheckError: one that failed.
    """
    names = (test_utils,) if isinstance(test_utils, str) else tuple(test_utils)
    if not set(names) <= set(ALL_TESTS):
        raise ValueError(
            f"opcheck(op, ..., test_utils={names}), expected test_utils to be subset of {ALL_TESTS} but it was not"
        )
    overload = _overload(op)
    results: dict[str, Any] = {}
    for name in names:
        try:
            _CHECKS[name](overload, args, kwargs or {})
            results[name] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise OpCheckError(
                    f"opcheck(op, ...): {name} failed with {error} (scroll up for stack trace)"
                ) from error
            results[name] = error
    return results


def _overload(op: Any) -> OpOverload:
    if isinstance(op, CustomOpDef):
        return op._opoverload
    if isinstance(op, OpOverloadPacket):
        return op.default
    if not isinstance(op, OpOverload):
        raise ValueError(f"opcheck(op, ...): op must be instance of torch._ops.OpOverload, got {type(op)}")
    return op


def _copies(args: Sequence[Any]) -> list[Any]:
    return [a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in args]


def _schema(op: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """It writes to what it says that it writes to, and to nothing else."""
    from reference_engine import equal

    before = operators.bind(op._schema, [a.detach() if isinstance(a, Tensor) else a for a in _copies(args)], kwargs)
    kept = [v.clone() if isinstance(v, Tensor) else v for v in before]
    op(*before)
    for argument, value, old in zip(op._schema.arguments, before, kept, strict=True):
        if isinstance(value, Tensor) and not argument.is_write and not equal(value, old):
            raise RuntimeError(f"Argument {argument.name} is not defined as mutable but was mutated")


def _autograd(op: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """What is differentiable has a derivative that was registered."""
    if not any(t.requires_grad for t in tensors_in(args)):
        return
    entry = custom_ops.registered(op)
    if entry.derivative is None and not any("Autograd" in key and "Explicit" not in key for key in entry.kernels):
        raise AssertionError(
            f"{op}: outputs of the operator require grad, but no autograd kernel was registered for it"
        )


def _runs(op: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    op(*_copies(args), **kwargs)


_CHECKS = {
    "test_schema": _schema,
    "test_autograd_registration": _autograd,
    "test_faketensor": _runs,
    "test_aot_dispatch_static": _runs,
    "test_aot_dispatch_dynamic": _runs,
}
