"""A custom Function under ``vmap``: by a rule of its own, or by running each of its parts under vmap.

Source: https://docs.pytorch.org/docs/stable/notes/extending.func.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_engine import levels
from reference_engine.levels import Level
from reference_engine.semantics import cite, refusal

if TYPE_CHECKING:
    pass

Dims = list[int | None]


class VmapInfo(NamedTuple):
    """What the rule of a Function is told of the vmap that runs."""

    batch_size: int
    randomness: str


def call(cls: Any, args: tuple[Any, ...], level: Level) -> Any:
    """Run ``cls`` on arguments of which some may be batches of ``level``."""
    from reference_engine.func import trees

    flat, structure = trees.flatten(args)
    below, dims = unwrapped(flat, level)
    operands = trees.unflatten(below, structure)
    if all(dim is None for dim in dims):
        with levels.outside(level):
            return cls.apply(*operands)
    if cls.generate_vmap_rule:
        cite("functorch.vmap.function_generated")
        parts = _Parts(cls, dims, structure, level.size, level.randomness)
        with levels.outside(level):
            output = parts.function().apply(*operands)
        found, shape = trees.flatten(output)
        return trees.unflatten(wrapped(found, parts.out_dims, level), shape)
    cite("functorch.vmap.function_rule")
    with levels.outside(level):
        info = VmapInfo(level.size, level.randomness)
        returned = cls.vmap(info, trees.unflatten(dims, structure), *operands)
    output, out_dims = _checked(returned)
    found, shape = trees.flatten(output)
    spread = trees.spread(out_dims, shape)
    if spread is None:
        own = trees.flatten(out_dims)[1]
        raise refusal("functorch.vmap.function_out_dims", out_dims=out_dims, own=own, output=shape)
    return trees.unflatten(wrapped(found, spread, level), shape)


def _checked(returned: Any) -> tuple[Any, Any]:
    if not isinstance(returned, tuple):
        raise refusal("functorch.vmap.function_returns", got=f"a {type(returned)}")
    if len(returned) != 2:
        raise refusal("functorch.vmap.function_returns", got=f"{len(returned)} returns")
    return returned


def unwrapped(flat: Sequence[Any], level: Level) -> tuple[list[Any], Dims]:
    """What is below the batches of a level, and their dimensions; all else as it is."""
    from reference_engine.tensor import Tensor

    below: list[Any] = []
    dims: Dims = []
    for value in flat:
        t = levels.awake(value) if isinstance(value, Tensor) else None
        if t is not None and t._level is level:
            below.append(t._below)
            dims.append(t._batch_dim)
        else:
            below.append(value)
            dims.append(None)
    return below, dims


def wrapped(flat: Sequence[Any], dims: Sequence[int | None], level: Level) -> list[Any]:
    """Batches of a level along these dimensions."""
    from reference_engine.tensor import Tensor

    return [
        levels.batch(value, dim % (value.dim() or 1), level) if isinstance(value, Tensor) and dim is not None else value
        for value, dim in zip(flat, dims, strict=True)
    ]


class _Parts:
    """The parts of a Function, each run under a vmap of its own, as the parts of another Function.

    Attributes:
        out_dims: where the batch dimensions of the outputs are, once ``forward`` has run.
    """

    def __init__(self, cls: Any, in_dims: Dims, structure: Any, size: int, randomness: str) -> None:
        self.cls, self.in_dims, self.structure, self.size, self.randomness = cls, in_dims, structure, size, randomness
        self.out_dims: Dims = []
        self.output_structure: Any = None
        self.saved_dims: Dims = []
        self.saved_for_forward_dims: Dims = []

    def function(self) -> Any:
        """The Function to be applied to what is below the batches."""
        from reference_engine.autograd.function import Function

        body = {
            "forward": staticmethod(self.forward),
            "setup_context": staticmethod(self.setup_context),
            "backward": staticmethod(self.backward),
            "jvp": staticmethod(self.jvp),
            "generate_vmap_rule": True,
        }
        return type(f"Vmapped{self.cls.__name__}", (Function,), body)

    def _under_vmap(self, run: Callable[[Level], Any]) -> Any:
        with levels.entered("vmap", self.size, self.randomness) as level:
            return run(level)

    def forward(self, *operands: Any) -> Any:
        from reference_engine.func import trees

        def run(level: Level) -> Any:
            found, self.output_structure = trees.flatten(self.cls.forward(*self._batched(operands, level)))
            below, self.out_dims = unwrapped(found, level)
            return trees.unflatten(below, self.output_structure)

        return self._under_vmap(run)

    def _batched(self, operands: Any, level: Level) -> Any:
        from reference_engine.func import trees

        return trees.unflatten(wrapped(trees.flatten(operands)[0], self.in_dims, level), self.structure)

    def setup_context(self, ctx: Any, inputs: Any, output: Any) -> None:
        from reference_engine.func import trees

        def run(level: Level) -> None:
            given = self._batched(inputs, level)
            made = trees.unflatten(wrapped(trees.flatten(output)[0], self.out_dims, level), self.output_structure)
            self.cls.setup_context(_Context(ctx, self, level), given, made)

        self._under_vmap(run)

    def backward(self, ctx: Any, *grads: Any) -> Any:
        def run(level: Level) -> Any:
            returned = self.cls.backward(_Context(ctx, self, level), *wrapped(grads, self.out_dims, level))
            found = returned if isinstance(returned, tuple) else (returned,)
            return [(value, dim) for value, dim in zip(*unwrapped(found, level), strict=True)]

        found = self._under_vmap(run)
        top = self._top_level_dims()
        return tuple(_as_input(g, at, dim, self.size) for (g, at), dim in zip(found, top, strict=False)) + tuple(
            g for g, _ in found[len(top) :]
        )

    def _top_level_dims(self) -> Dims:
        """The batch dimension of each argument: gradients are one an argument, not one a tensor in it."""
        made: Dims = []
        at = 0
        for part in self.structure.parts:
            made.append(self.in_dims[at] if part.kind is None else None)
            at += part.count
        return made

    def jvp(self, ctx: Any, *tangents: Any) -> Any:
        from reference_engine.func import trees

        def run(level: Level) -> Any:
            given = wrapped(tangents, self._top_level_dims(), level)
            found, shape = trees.flatten(self.cls.jvp(_Context(ctx, self, level), *given))
            return *unwrapped(found, level), shape

        below, dims, shape = self._under_vmap(run)
        made = [_as_input(t, at, dim, self.size) for t, at, dim in zip(below, dims, self.out_dims, strict=True)]
        return trees.unflatten(made, shape)


def _as_input(grad: Any, at: int | None, dim: int | None, size: int) -> Any:
    """A gradient whose batch dimension is ``at``, as one of an argument whose batch dimension is ``dim``."""
    if grad is None or at == dim:
        return grad
    if dim is None:
        return grad.sum(at)
    if at is None:
        return grad.unsqueeze(dim).expand(*grad.shape[:dim], size, *grad.shape[dim:])
    return grad.movedim(at, dim)


class _Context:
    """The ctx of a part that runs under vmap: what it keeps is kept below the batches, and comes back as batches."""

    def __init__(self, ctx: Any, parts: _Parts, level: Level) -> None:
        vars(self).update(_inner=ctx, _parts=parts, _vmap_level=level)

    def save_for_backward(self, *tensors: Any) -> None:
        below, self._parts.saved_dims = unwrapped(tensors, self._vmap_level)
        self._inner.save_for_backward(*below)

    def save_for_forward(self, *tensors: Any) -> None:
        below, self._parts.saved_for_forward_dims = unwrapped(tensors, self._vmap_level)
        self._inner.save_for_forward(*below)

    def mark_dirty(self, *tensors: Any) -> None:
        self._inner.mark_dirty(*unwrapped(tensors, self._vmap_level)[0])

    def mark_non_differentiable(self, *tensors: Any) -> None:
        self._inner.mark_non_differentiable(*unwrapped(tensors, self._vmap_level)[0])

    @property
    def saved_tensors(self) -> Any:
        inner, dims = self._inner, self._parts.saved_dims
        if inner.saved_for_forward is not None:
            dims = self._parts.saved_for_forward_dims
        return tuple(wrapped(inner.saved_tensors, dims, self._vmap_level))

    def __getattr__(self, name: str) -> Any:
        from reference_engine.func import trees
        from reference_engine.tensor import Tensor

        def again(value: Any) -> Any:
            """A batch of the vmap that ``setup_context`` ran under, as one of this."""
            if not isinstance(value, Tensor) or value._batch_dim is None or value._below is None:
                return value
            return levels.batch(value._below, value._batch_dim, self._vmap_level)

        return trees.mapped(again, getattr(self._inner, name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)
