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
    from reference_engine.tensor_base import TensorBase


class Level:
    """One transform that is running.

    Attributes:
        kind: "grad", "jvp" or "vmap".
        alive: False once the transform is done; its wrappers then stand for what is below them.
        outside: the modes (grad, forward, inference) that hold outside.
        number: how deep it is, from 1.
        size: of vmap, the number of slices.
        randomness: of vmap, whether they see "same" or "different" random numbers, or "error"; "refused" where a
            function of ``torch.autograd`` is vectorised, which is no transform.
    """

    __slots__ = ("kind", "alive", "outside", "number", "size", "randomness")

    def __init__(self, kind: str, size: int = 0, randomness: str = "error") -> None:
        self.kind, self.alive = kind, True
        self.outside = state.grad, state.forward_grad, state.inference
        self.number, self.size, self.randomness = len(stack) + 1, size, randomness


stack: list[Level] = []
used = False
"""Whether there ever was a level; operations look for wrappers only then."""


@contextmanager
def entered(kind: str, size: int = 0, randomness: str = "error") -> Iterator[Level]:
    """Run a transform. Inside, recording is on (grad), tangents are seen (jvp), and inference mode is off."""
    global used
    used = True
    level = Level(kind, size, randomness)
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


def depth() -> int:
    """The number of transforms that have a history of their own: all but vmap."""
    return sum(level.kind != "vmap" for level in stack) if stack else 0


def innermost() -> Level | None:
    """The level that an operation runs in first."""
    return stack[-1] if stack else None


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
    if below._sparse is not None:
        made._sparse = below._sparse.alias()


def unwrap(t: Tensor, level: Level) -> Tensor:
    """What a transform hands out: the tensor below a wrapper of its level."""
    t = awake(t)
    return t._below if t._level is level and t._below is not None else t


def awake(t: Tensor) -> Tensor:
    """A wrapper whose transform is done stands for what is below it.

    Raises:
        RuntimeError: a batch, of which nobody knows any more along what it goes.
    """
    while t._level is not None and not t._level.alive:
        assert t._below is not None
        if t._batch_dim is not None:
            raise refusal("functorch.vmap.escaped")
        t = t._below
    return t


def _within(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    from reference_engine.tensor import Tensor

    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (list, tuple)):
        made = [_within(v, change) for v in value]
        return made if any(m is not v for m, v in zip(made, value, strict=True)) else value
    return value


def lifted(value: Any, captured: bool = True) -> Any:
    """A tensor, or those in a list, as of the innermost level: one from outside is wrapped, as a constant.

    Not under vmap: what is not wrapped is the same for all slices.

    Args:
        captured: nobody gave the tensor to the function, so it must not be changed.
    """
    level = innermost()

    def lift(t: Tensor) -> Tensor:
        t = awake(t)
        if level is None or level.kind == "vmap" or t._level is level:
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


# -- batches -----------------------------------------------------------------------------------------------------------


def batch(below: Tensor, dim: int, level: Level) -> Tensor:
    """A tensor inside of vmap that stands for all slices of ``below`` along ``dim``. It looks like the first one."""
    made = wrap(below, level)
    made._shape = below._shape[:dim] + below._shape[dim + 1 :]
    made._strides = below._strides[:dim] + below._strides[dim + 1 :]
    made._batch_dim = dim
    return made


def is_mapped(t: TensorBase) -> bool:
    """Whether a tensor has another value in each slice, of one vmap or another."""
    below: TensorBase | None = t
    while below is not None:
        if below._batch_dim is not None and below._level is not None and below._level.alive:
            return True
        below = below._below
    return False


def values(t: TensorBase) -> Any:
    """The values below all wrappers, those of all slices, as an array: for decisions that hold for all of them."""
    below = t
    while below._below is not None:
        below = below._below
    return below._read()


def slices(t: Tensor) -> int:
    """For how many slices a tensor stands."""
    count, below = 1, t
    while below._below is not None:
        if below._batch_dim is not None:
            count *= max(below._below._shape[below._batch_dim], 1)
        below = below._below
    return count


def batches() -> bool:
    """Whether a vmap is running."""
    return any(level.kind == "vmap" for level in stack)


def alike(make: Callable[[Tensor, tuple[int, ...]], Tensor], t: Tensor, in_front: bool) -> Tensor:
    """A new tensor made after another: where that is a batch, it is one too.

    Args:
        make: makes it outside of all levels, given what is below there and the sizes to put in front.
        in_front: the batches come in front, else where those of ``t`` are.
    """

    def made_in(t: Tensor, sizes: tuple[int, ...]) -> Tensor:
        t, level = awake(t), innermost()
        if level is None:
            return make(t, sizes)
        own = t._level is level and t._below is not None
        below = t._below if own else t
        assert below is not None
        dim = t._batch_dim if own else None
        with outside(level):
            made = made_in(below, (level.size, *sizes) if dim is not None and in_front else sizes)
        if level.kind != "vmap":
            return wrap(made, level)
        return made if dim is None else batch(made, 0 if in_front else dim, level)

    return made_in(t, ())


def drawn(count_of: Callable[[tuple[int, ...]], Tensor]) -> Tensor:
    """Random numbers: a batch in each vmap whose slices see different ones.

    Args:
        count_of: draws them, given the sizes to put in front.

    Raises:
        RuntimeError: a vmap was not told what to do about them.
    """
    level = innermost()
    if level is None:
        return count_of(())
    if level.kind == "vmap" and level.randomness == "error":
        raise refusal("functorch.vmap.randomness")
    if level.kind == "vmap" and level.randomness == "refused":
        raise refusal("functional.vectorize.randomness")
    different = level.kind == "vmap" and level.randomness == "different"
    with outside(level):
        made = drawn((lambda sizes: count_of((*sizes, level.size))) if different else count_of)
    if level.kind != "vmap":
        return wrap(made, level)
    return batch(made, 0, level) if different else made


# -- what transforms do not allow --------------------------------------------------------------------------------------


def refuse_mapped(t: TensorBase, clause: str) -> None:
    """Refuse to tell the value of a tensor that has another one in each slice.

    Raises:
        RuntimeError: it has.
    """
    if is_mapped(t):
        raise refusal(clause)


def refuse_memory(t: TensorBase, clause: str) -> None:
    """Refuse to look at the memory of what has none of its own inside of a transform.

    Raises:
        RuntimeError: it is a wrapper.
    """
    level = t._level
    if level is not None and level.alive:
        batched = level.kind == "vmap"
        raise refusal(
            clause,
            kind="BatchedTensorImpl" if batched else "TensorWrapper",
            where="under vmap transform" if batched else "inside functorch transform",
        )


def refuse(clause: str) -> None:
    """Refuse something that no transform allows inside of its function.

    Raises:
        RuntimeError: a transform is running.
    """
    if any(level.randomness != "refused" for level in stack):
        raise refusal(clause)


def refuse_captured(t: Tensor, name: str) -> None:
    """Only what belongs to a transform may be changed inside of it.

    Raises:
        RuntimeError: the tensor, or what it is a view of, comes from outside.
    """
    level = innermost()
    if level is None or level.kind == "vmap":
        return
    if t._captured or awake(t)._level is not level:
        raise refusal("functorch.captured_in_place", op=name)


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """``torch.func.debug_unwrap``: what is below a wrapper, outside of one transform or of all."""
    while tensor._below is not None:
        tensor = tensor._below
        if not recurse:
            break
    return tensor
