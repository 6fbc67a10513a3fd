"""What a derivative owes besides right numbers: zeros for zeros, undefined gradients, batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine.autograd import forward_ad
from reference_engine.autograd.backward import grad
from reference_engine.autograd.checking.analytical import _duals
from reference_engine.autograd.checking.fast import vectors
from reference_engine.autograd.checking.tensors import (
    as_tuple,
    differentiable,
    is_numeric,
    is_tensor,
    places,
    requiring_grad,
)
from reference_engine.autograd.node import Node, gradient_edge
from reference_engine.semantics import current, refusal, warn

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def check_linear_at_zero(outputs: Sequence[Tensor], inputs: Any) -> None:
    """Zero cotangents give zero gradients, of the inputs' shape and dtype.

    Raises:
        GradcheckError: they do not.
    """
    import reference_engine as engine

    targets = list(requiring_grad(inputs))
    found = grad(outputs, targets, [engine.zeros(o.shape, dtype=o.dtype) for o in outputs], allow_unused=True)
    for g in found:
        if g is not None and not bool((g == 0).all()):
            raise refusal("gradcheck.not_multiplied")


# -- undefined gradients -----------------------------------------------------------------------------------------------


class UndefinedGrad(Node):
    """Passes a value on and lets no gradient back."""

    def name(self) -> str:
        return "torch::autograd::UndefinedGradBackward"

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        return [None]


def _without_gradient(t: Tensor) -> Tensor:
    node = UndefinedGrad([gradient_edge(t)])
    made = t.detach()
    made._output_nr, made._node = node.add_input(made), node
    return made


def check_undefined(fn: Callable[..., Any], outputs: Sequence[Tensor], inputs: tuple[Any, ...]) -> None:
    """Undefined gradients of all outputs, or of any one of them, are handled, and count as zeros.

    Raises:
        GradcheckError: backward fails, or makes something of nothing.
    """
    everything = [_without_gradient(o) for o in differentiable(fn(*inputs))]
    _check_zero_gradients(everything, inputs)
    if len(everything) > 1:
        for i in range(len(outputs)):
            made = differentiable(fn(*inputs))
            _check_zero_gradients([_without_gradient(o) if i == j else o for j, o in enumerate(made)], inputs)


def _check_zero_gradients(outputs: Sequence[Tensor], inputs: tuple[Any, ...]) -> None:
    import reference_engine as engine

    seeds = [engine.zeros(o.shape, dtype=o.dtype) for o in outputs]
    try:
        found = grad(outputs, list(requiring_grad(inputs)), seeds, allow_unused=True)
    except RuntimeError as error:
        warn("gradcheck.undefined_warning")
        raise refusal("gradcheck.undefined_handled") from error
    for g in found:
        if g is not None and not bool((g == 0).all()):
            warn("gradcheck.undefined_warning")
            raise refusal("gradcheck.undefined")


def check_undefined_forward(fn: Callable[..., Any], outputs: Sequence[Tensor], inputs: Sequence[Any]) -> None:
    """An input without a tangent counts as one with a tangent of zeros.

    Raises:
        GradcheckError: the tangents of the outputs differ.
    """
    import reference_engine as engine

    given = tuple(inputs)
    _, us = vectors([given[i] for i in places(given)], None)
    with forward_ad.dual_level():
        duals, tangents = _duals(given)
        for tangent, u in zip(tangents, us, strict=True):
            tangent.copy_(u.view_as(tangent))
        for i in places(given):
            kept = duals[i]
            duals[i] = forward_ad.make_dual(given[i].detach(), engine.zeros_like(given[i]))
            with_zeros = [forward_ad.unpack_dual(o).tangent for o in as_tuple(fn(*duals)) if is_numeric(o)]
            duals[i] = given[i].detach()
            without = [forward_ad.unpack_dual(o).tangent for o in as_tuple(fn(*duals)) if is_numeric(o)]
            duals[i] = kept
            for number, (a, b) in enumerate(zip(with_zeros, without, strict=True)):
                if a is not None and b is not None and not bool(engine.allclose(a, b)):
                    raise refusal("gradcheck.undefined_forward", index=number, input=given[i], got=a, expected=b)


# -- batches -----------------------------------------------------------------------------------------------------------


def check_batched(inputs: Any, output: Tensor, number: int) -> None:
    """A batch of cotangents gives the gradients of each.

    Raises:
        GradcheckError: it fails, or gives others.
    """
    import reference_engine as engine

    targets = list(requiring_grad(inputs))

    def zeros_for_none(found: Sequence[Any], shape: tuple[int, ...]) -> list[Tensor]:
        return [
            engine.zeros((), dtype=t.dtype).expand((*shape, *t._shape)) if g is None else g
            for g, t in zip(found, targets, strict=True)
        ]

    seeds = [engine.randn_like(output) for _ in range(2)]
    one_by_one = [
        zeros_for_none(grad(output, targets, seed, retain_graph=True, allow_unused=True), ()) for seed in seeds
    ]
    expected = [engine.stack(list(rows)) for rows in zip(*one_by_one, strict=True)]
    try:
        batch = engine.stack(seeds)
        found = zeros_for_none(
            grad(output, targets, batch, retain_graph=True, allow_unused=True, is_grads_batched=True), (2,)
        )
    except RuntimeError as error:
        raise refusal("gradcheck.batched_failed", error=error) from error
    for i, (got, wanted) in enumerate(zip(found, expected, strict=True)):
        if not bool(engine.allclose(got, wanted)):
            raise refusal("gradcheck.batched", output=number, input=i, got=got, expected=wanted)


def check_batched_forward(fn: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    """A batch of tangents gives the tangents of each.

    Raises:
        GradcheckError: it fails, or gives others.
    """
    import reference_engine as engine
    from reference_engine.func.vectorized import vmap

    for i in places(inputs):
        if not is_numeric(inputs[i]):
            continue
        along = _tangents_of(fn, inputs, i)
        tangents = [engine.randn_like(inputs[i]) for _ in range(2)]
        expected = [engine.stack(list(rows)) for rows in zip(*map(along, tangents), strict=True)]
        try:
            found = vmap(along)(engine.stack(tangents))
        except RuntimeError as error:
            if str(error) == current().message("function.setup_context.transforms")[1]:
                continue  # a Function that does not know of transforms: its slices are the batch
            raise refusal("gradcheck.batched_forward_failed", error=error) from error
        for number, (got, wanted) in enumerate(zip(found, expected, strict=True)):
            if not bool(engine.allclose(got, wanted)):
                raise refusal(
                    "gradcheck.batched_forward_differs", output=number, input=number, got=got, expected=wanted
                )


def _tangents_of(fn: Callable[..., Any], inputs: tuple[Any, ...], which: int) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """The tangents of all outputs as a function of the tangent of one input."""
    import reference_engine as engine

    def along(tangent: Tensor) -> tuple[Tensor, ...]:
        with forward_ad.dual_level():
            given = [value.detach() if is_tensor(value) else value for value in inputs]
            given[which] = forward_ad.make_dual(given[which], tangent)
            pairs = [forward_ad.unpack_dual(o) for o in as_tuple(fn(*given)) if o is not None]
            return tuple(
                engine.zeros((), dtype=primal.dtype).expand(primal.shape) if t is None else t for primal, t in pairs
            )

    return along
