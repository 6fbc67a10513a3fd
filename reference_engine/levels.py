"""Levels: what is inside of ``torch.func.grad``, of ``torch.func.jvp`` inside of that, and so on.

A transform must not see the history that a tensor has outside of it, nor the outside the history that the transform
makes. So inside of a transform every tensor is a *wrapper*: it looks at the memory of the tensor below, but has a
history, a tangent and a version of its own. An operation runs level by level: it is recorded for the wrappers, and runs
on what is below them, where it is recorded in turn (``ops/dispatch.py``); only outside of all levels is there something
to compute.

Source: https://docs.pytorch.org/docs/stable/func.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reference_engine.modes import state
from reference_engine.semantics import refusal
from reference_engine.versions import VersionCounter

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


class Level:
    """One transform that is running.

    Attributes:
        kind: "grad", "jvp" or "vmap". Vmap runs its function slice by slice, so it needs no wrappers.
        alive: False once the transform is done; its wrappers then stand for what is below them.
        outside: the modes (grad, forward, inference) that hold outside.
    """

    __slots__ = ("kind", "alive", "outside")

    def __init__(self, kind: str) -> None:
        self.kind, self.alive = kind, True
        self.outside = state.grad, state.forward_grad, state.inference


stack: list[Level] = []
used = False
"""Whether there ever was a level; operations look for wrappers only then."""


@contextmanager
def entered(kind: str) -> Iterator[Level]:
    """Run a transform. Inside, recording is on (grad), tangents are seen (jvp), and inference mode is off."""
    global used
    used = True
    level = Level(kind)
    stack.append(level)
    if kind != "vmap":
        state.inference = False
    if kind == "grad":
        state.grad = True
    if kind == "jvp":
        state.forward_grad = True
    try:
        yield level
    finally:
        assert stack.pop() is level
        level.alive = False
        state.grad, state.forward_grad, state.inference = level.outside


_random_allowed = [True]


@contextmanager
def randomness(allowed: bool) -> Iterator[None]:
    """Whether operations inside may draw random numbers."""
    _random_allowed.append(allowed)
    try:
        yield
    finally:
        _random_allowed.pop()


def check_randomness() -> None:
    """Refuse random numbers where slices would silently see different ones.

    Raises:
        RuntimeError: vmap was not told what to do about them.
    """
    if not _random_allowed[-1]:
        raise refusal("functorch.vmap.randomness")


def innermost() -> Level | None:
    """The level that records first: vmap does not."""
    return next((level for level in reversed(stack) if level.kind != "vmap"), None)


@contextmanager
def outside(level: Level) -> Iterator[None]:
    """Step out of a level and of all inside of it. A mode that was switched off outside is off again."""
    at = stack.index(level)
    inner = stack[at:]
    del stack[at:]
    before = state.grad, state.forward_grad, state.inference
    grad, forward, inference = level.outside
    if level.kind == "grad":
        state.grad = state.grad and grad
    if level.kind == "jvp":
        state.forward_grad = state.forward_grad and forward
    state.inference = inference
    try:
        yield
    finally:
        state.grad, state.forward_grad, state.inference = before
        stack.extend(inner)


# -- wrappers ----------------------------------------------------------------------------------------------------------


def wrap(below: Tensor, level: Level) -> Tensor:
    """A tensor of this level that looks at the memory of ``below``."""
    from reference_engine.tensor import Tensor

    made: Tensor = object.__new__(Tensor)
    _look_at(made, below)
    made._version_counter = VersionCounter()
    made._level, made._below = level, below
    return made


def _look_at(made: Tensor, below: Tensor) -> None:
    made._storage, made._dtype, made._conj, made._neg = below._storage, below._dtype, below._conj, below._neg
    made._shape, made._strides, made._offset = below._shape, below._strides, below._offset


def unwrap(t: Tensor, level: Level) -> Tensor:
    """What a transform hands out: the tensor below a wrapper of its level."""
    t = awake(t)
    return t._below if t._level is level and t._below is not None else t


def awake(t: Tensor) -> Tensor:
    """A wrapper whose transform is done stands for what is below it."""
    while t._level is not None and not t._level.alive:
        assert t._below is not None
        t = t._below
    return t


def _within(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    from reference_engine.tensor import Tensor

    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (list, tuple)):
        return [_within(v, change) for v in value]
    return value


def lifted(value: Any, captured: bool = True) -> Any:
    """A tensor, or those in a list, as of the innermost level: one from outside is wrapped, as a constant.

    Args:
        captured: nobody gave the tensor to the function, so it must not be changed.
    """
    level = innermost()

    def lift(t: Tensor) -> Tensor:
        t = awake(t)
        if level is None or t._level is level:
            return t
        made = wrap(t, level)
        made._captured = captured
        return made

    return _within(value, lift)


def lowered(value: Any) -> Any:
    """What is below the wrappers."""
    return _within(value, lambda t: t if t._below is None else t._below)


def fresh(t: Tensor) -> Tensor:
    """A tensor that was just made belongs to every level that is running."""
    for level in stack:
        if level.kind != "vmap":
            t = wrap(t, level)
    return t


def raised(result: Any, level: Level) -> Any:
    """The result of an operation that ran outside of ``level``, inside of it."""
    from reference_engine.tensor import Tensor

    if isinstance(result, Tensor):
        return wrap(result, level)
    if isinstance(result, (list, tuple)):
        made = [raised(r, level) for r in result]
        return made if isinstance(result, list) else type(result)(made)
    return result


def attach(made: Any, result: Any, level: Level, captured: bool) -> None:
    """``made``, views of wrappers, stand for ``result``, the same views of what is below them."""
    from reference_engine.tensor import Tensor, tensors_in

    views = [made] if isinstance(made, Tensor) else tensors_in(made)
    for view, below in zip(views, [result] if isinstance(result, Tensor) else tensors_in(result), strict=True):
        view._level, view._below, view._captured = level, below, captured


# -- what transforms do not allow --------------------------------------------------------------------------------------


def refuse(clause: str) -> None:
    """Refuse something that no transform allows inside of its function.

    Raises:
        RuntimeError: a transform is running.
    """
    if stack:
        raise refusal(clause)


def refuse_captured(t: Tensor, name: str) -> None:
    """Only what belongs to a transform may be changed inside of it.

    Raises:
        RuntimeError: the tensor, or what it is a view of, comes from outside.
    """
    level = innermost()
    if level is not None and (t._captured or awake(t)._level is not level):
        raise refusal("functorch.captured_in_place", op=name)


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """``torch.func.debug_unwrap``: what is below a wrapper, outside of one transform or of all."""
    while tensor._below is not None:
        tensor = tensor._below
        if not recurse:
            break
    return tensor
