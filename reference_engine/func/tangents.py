"""``jvp`` and ``linearize``: forward mode as a function of a function.

Source: https://docs.pytorch.org/docs/stable/generated/torch.func.jvp.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from reference_engine import levels
from reference_engine.autograd import forward_ad
from reference_engine.func import arguments, trees
from reference_engine.func.arguments import Argnums
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor

_API = "jvp(f, primals, tangents)"


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """The value of ``func`` and its derivative in the direction of ``tangents``.

    Args:
        func: takes tensors and returns tensors, in any nesting.
        primals: the tuple of its arguments.
        tangents: as nested as they are.
        strict: refuse a result that does not depend on the arguments.
        has_aux: ``func`` returns something else too, which is returned last.
    """
    return jvp_in(func, primals, tangents, None, strict=strict, has_aux=has_aux)


def jvp_in(
    func: Callable[..., Any], primals: Any, tangents: Any, argnums: Argnums | None, *, strict: bool = False,
    has_aux: bool = False,
) -> Any:  # fmt: skip
    """``jvp`` with respect to some of the arguments."""
    if not isinstance(primals, tuple):
        raise refusal("functorch.jvp.primals")
    flat, structure = trees.flatten(primals if argnums is None else arguments.chosen(primals, argnums))
    directions, given = trees.flatten(tangents)
    if given != structure:
        raise refusal("functorch.jvp.structure", primals=structure, tangents=given)
    _check_tensors(flat, "primals")
    _check_tensors(directions, "tangents")
    outermost = not any(level.kind == "jvp" for level in levels.stack)
    with levels.entered("jvp") as level, forward_ad.dual_level() if outermost else nullcontext():
        cite("functorch.jvp.level")
        duals = trees.unflatten([forward_ad.make_dual(p, t) for p, t in zip(flat, directions, strict=True)], structure)
        if argnums is not None:
            duals = arguments.replaced(arguments.wrapped(primals, level), duals, argnums)
        output, aux = func(*duals), None
        if has_aux:
            output, aux = arguments.with_aux(output, "functorch.jvp.aux")
            aux = arguments.unwrapped(aux, level)
        outputs, shape = trees.flatten(output)
        arguments.check_output(outputs, _API)
        pairs = [_unpacked(value, strict) for value in outputs]
        values, found = ([levels.unwrap(pair[i], level) for pair in pairs] for i in range(2))
        results = trees.unflatten(values, shape), trees.unflatten(found, shape)
        return (*results, aux) if has_aux else results


def _check_tensors(values: Sequence[Any], which: str) -> None:
    if not values:
        raise refusal("functorch.jvp.some", which=which)
    for value in values:
        if not isinstance(value, Tensor):
            raise refusal("functorch.jvp.tensors", which=which, type=type(value))


def _unpacked(dual: Tensor, strict: bool) -> tuple[Tensor, Tensor]:
    import reference_engine as engine

    primal, tangent = forward_ad.unpack_dual(dual)
    if tangent is None:
        if strict:
            raise refusal("functorch.jvp.strict")
        tangent = engine.zeros_like(primal)
    return primal, tangent


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func``, and its derivative there as a function of tangents.

    torch keeps a trace of the function for this; here the function is run again.
    """
    output = func(*primals)
    flat, structure = trees.flatten(primals)

    def derivative(*tangents: Any) -> Any:
        given, nesting = trees.flatten(tangents)
        if nesting != structure:
            raise refusal("functorch.linearize.structure", tangents=nesting, primals=structure)
        for i, (tangent, primal) in enumerate(zip(given, flat, strict=True)):
            for what in ("shape", "device", "dtype"):
                wanted, got = getattr(primal, what), getattr(tangent, what)
                if got != wanted:
                    raise refusal("functorch.linearize.tangent", index=i, what=what, got=got, wanted=wanted)
        return jvp(func, primals, tangents)[1]

    return output, derivative
