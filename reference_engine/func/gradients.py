"""``grad``, ``grad_and_value`` and ``vjp``: reverse mode as a function of a function.

Source: https://docs.pytorch.org/docs/stable/generated/torch.func.grad.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine import levels, modes
from reference_engine.autograd import saved
from reference_engine.autograd.backward import grad as gradients_of
from reference_engine.func import arguments, trees
from reference_engine.func.arguments import Argnums
from reference_engine.semantics import cite, current, refusal
from reference_engine.tensor import Tensor


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the gradient of ``func``, which returns one number.

    Args:
        func: takes tensors, in any nesting, and returns a tensor without dimensions.
        argnums: the arguments to differentiate in; a tuple gives a tuple of gradients.
        has_aux: ``func`` returns something else too, which is passed on beside the gradient.
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = _grad_and_value(func, argnums, has_aux, args, kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """As ``grad``; the value of the function is returned beside its gradient."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _grad_and_value(func, argnums, has_aux, args, kwargs)

    return wrapper


def _without_saved_hooks() -> Any:
    _, text = current().message("functorch.saved_hooks")
    return saved.disable_saved_tensors_hooks(text.format())


def _grad_and_value(
    func: Callable[..., Any], argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    with _without_saved_hooks(), levels.entered("grad") as level:
        cite("functorch.grad.level")
        args, kwargs = arguments.wrapped(args, level), arguments.wrapped(kwargs, level)
        differentiated = arguments.chosen(args, argnums, as_tuple=False)
        arguments.made_differentiable(differentiated)
        output, aux = func(*args, **kwargs), None
        if has_aux:
            output, aux = arguments.with_aux(output, "functorch.grad.aux")
        if not isinstance(output, Tensor):
            raise refusal("functorch.grad.tensor", type=type(output))
        if output.dim() != 0:
            raise refusal("functorch.grad.scalar", ndim=output.dim())
        inputs, structure = trees.flatten(differentiated)
        gradients = _gradients([output], inputs, None, False, True)
        gradient = arguments.unwrapped(trees.unflatten(gradients, structure), level)
        value = arguments.unwrapped(output, level)
        return gradient, (value, arguments.unwrapped(aux, level)) if has_aux else value


def _gradients(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Any] | None, retain: bool, create: bool
) -> list[Tensor]:
    """``autograd.grad``, with zeros for what does not depend on the inputs."""
    import reference_engine as engine

    given = [None] * len(outputs) if cotangents is None else cotangents
    pairs = [(o, c) for o, c in zip(outputs, given, strict=False) if o.requires_grad]
    if not pairs:
        return [engine.zeros_like(x) for x in inputs]
    found = gradients_of(
        tuple(o for o, _ in pairs), tuple(inputs), None if cotangents is None else tuple(c for _, c in pairs),
        retain_graph=retain, create_graph=create, allow_unused=True,
    )  # fmt: skip
    return [engine.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func``, and the function from cotangents of its results to those of its arguments.

    Args:
        func: takes tensors, in any nesting, and returns tensors, in any nesting.
        primals: the arguments.
        has_aux: ``func`` returns something else too, which is returned last.
    """
    return vjp_in(func, primals, None, has_aux)


def vjp_in(func: Callable[..., Any], primals: tuple[Any, ...], argnums: Argnums | None, has_aux: bool) -> Any:
    """``vjp`` with respect to some of the arguments."""
    with _without_saved_hooks(), levels.entered("grad") as level:
        primals = arguments.wrapped(primals, level)
        differentiated = primals if argnums is None else arguments.chosen(primals, argnums, as_tuple=False)
        arguments.made_differentiable(differentiated)
        output, aux = func(*primals), None
        if has_aux:
            output, aux = arguments.with_aux(output, "functorch.vjp.aux")
            aux = arguments.unwrapped(aux, level)
        outputs, structure = trees.flatten(output)
        arguments.check_output(outputs, "vjp(f, *primals)")
        inputs, input_structure = trees.flatten(differentiated)
        results = arguments.unwrapped(output, level)
        for value in outputs:
            if not value._dtype.is_differentiable:
                raise refusal("functorch.vjp.dtype", dtype=value.dtype)

    def pull_back(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        flat, given = trees.flatten(cotangents)
        if given != structure:
            raise refusal("functorch.vjp.structure", cotangents=given.drawn(), output=structure.drawn())
        create = modes.state.grad if create_graph is None else create_graph
        return trees.unflatten(_gradients(outputs, inputs, flat, retain_graph, create), input_structure)

    return (results, pull_back, aux) if has_aux else (results, pull_back)
