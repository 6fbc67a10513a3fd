"""``torch.cond`` and ``torch.while_loop``, which a compiler can capture: here they do what ``if`` and ``while`` do.

Source: https://docs.pytorch.org/docs/stable/cond.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reference_engine.tensor import Tensor


def cond(
    pred: bool | int | float | Tensor, true_fn: Callable[..., Any], false_fn: Callable[..., Any],
    operands: tuple[Any, ...] | list[Any] = (),
) -> Any:  # fmt: skip
    """One of two functions, of the operands.

    Raises:
        RuntimeError: the predicate is a tensor of several elements.
    """
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    return (true_fn if pred else false_fn)(*operands)


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> Any:  # fmt: skip
    """What is left when the body has been applied for as long as the condition holds.

    Raises:
        RuntimeError: the condition or the body is no function.
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    carried: Any = tuple(carried_inputs)
    while cond_fn(*(carried if isinstance(carried, tuple) else (carried,))):
        carried = body_fn(*(carried if isinstance(carried, tuple) else (carried,)))
        if isinstance(carried, list):
            carried = tuple(carried)
    return carried
