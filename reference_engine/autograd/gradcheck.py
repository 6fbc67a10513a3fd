"""``gradcheck`` and ``gradgradcheck``: derivatives held against finite differences.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reference_engine import dtypes
from reference_engine.autograd.backward import grad
from reference_engine.autograd.checking import analytical, fast, numerical, rules, slow
from reference_engine.autograd.checking.slow import Settings
from reference_engine.autograd.checking.tensors import as_tuple, differentiable, is_tensor, places
from reference_engine.errors import GradcheckError
from reference_engine.semantics import cite, refusal, warn

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Check = Callable[[Callable[..., Any], Any, Any, "tuple[Tensor, ...]", Settings], None]


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Whether the derivatives of ``func`` at ``inputs`` agree with finite differences.

    Args:
        func: takes tensors, returns a tensor or several.
        inputs: a tensor or a tuple of them; those that require grad are checked, in double precision at best.
        eps: the step. atol, rtol: as for ``allclose``.
        raise_exception: False returns False instead of raising.
        nondet_tol: how much two runs of backward may differ.
        check_undefined_grad: also that undefined gradients count as zeros.
        check_grad_dtypes: also that gradients have the dtypes of their inputs.
        check_batched_grad, check_batched_forward_grad: also batches.
        check_forward_ad, check_backward_ad: which modes.
        fast_mode: compare one random number of each Jacobian instead of the whole.
        masked: about sparse tensors, which there are none of here.

    Raises:
        GradcheckError: the derivatives disagree. AssertionError, ValueError, RuntimeError: what cannot be checked.
    """
    if not (check_forward_ad or check_backward_ad):
        raise refusal("gradcheck.nothing_checked")
    if check_batched_grad and not check_backward_ad:
        raise refusal("gradcheck.batched_backward")
    if check_batched_forward_grad and not check_forward_ad:
        raise refusal("gradcheck.batched_forward")
    given = as_tuple(inputs)
    settings = Settings(eps, rtol, atol, nondet_tol, check_grad_dtypes)
    try:
        _check_inputs(given)
        func_out = func(*given)
        outputs = differentiable(func_out)
        mode = fast.check if fast_mode else slow.check
        if check_backward_ad:
            _check_backward(mode, func, func_out, given, outputs, settings)
        if check_forward_ad:
            _check_forward(mode, func, func_out, given, outputs, settings, check_undefined_grad)
        if check_batched_forward_grad:
            rules.check_batched_forward(func, given)
        if not check_backward_ad:
            return True
        if check_batched_grad:
            for i, output in enumerate(outputs):
                rules.check_batched(given, output, i)
        rules.check_linear_at_zero(outputs, given)
        if check_undefined_grad:
            rules.check_undefined(func, outputs, given)
    except GradcheckError:
        if raise_exception:
            raise
        cite("gradcheck.no_raise")
        return False
    return True


def _check_inputs(inputs: tuple[Any, ...]) -> None:
    """At least one input requires grad, those that do lie apart in memory, and had better be of double precision.

    Raises:
        ValueError: none does. RuntimeError: memory that overlaps.
    """
    for i in places(inputs):
        t = inputs[i]
        if t.dtype.name not in ("float64", "complex128"):
            warn("gradcheck.inputs.precision", index=i)
        if any(stride == 0 and size > 1 for stride, size in zip(t._strides, t._shape, strict=True)):
            raise refusal("gradcheck.inputs.stride", index=i)
    if not places(inputs):
        raise refusal("gradcheck.inputs.requires_grad")


# -- complex functions, by their real and imaginary parts --------------------------------------------------------------


def _check_backward(
    mode: Check, func: Callable[..., Any], func_out: Any, inputs: Any, outputs: tuple[Tensor, ...], settings: Settings
) -> None:
    """A complex output is checked as two real ones."""
    import reference_engine as engine

    if not any(o.is_complex() for o in as_tuple(func_out)):
        mode(func, func_out, inputs, outputs, settings)
        return
    indices = tuple(i for i, o in enumerate(outputs) if o.is_complex())
    for part, imaginary in ((engine.imag, True), (engine.real, False)):

        def of_part(*given: Any, part: Any = part) -> tuple[Any, ...]:
            return tuple(part(o) if o.is_complex() else o for o in as_tuple(func(*given)))

        part_out = of_part(*inputs)
        chosen = replace(settings, complex_places=indices, imaginary=imaginary)
        mode(of_part, part_out, inputs, differentiable(part_out), chosen)


def _check_forward(
    mode: Check, func: Callable[..., Any], func_out: Any, inputs: Any, outputs: tuple[Tensor, ...], settings: Settings,
    undefined: bool,
) -> None:  # fmt: skip
    """A complex input is moved along the real axis, and along the imaginary axis, the other part fixed."""
    settings = replace(settings, forward=True)
    indices = tuple(i for i, t in enumerate(inputs) if is_tensor(t) and t.is_complex())
    if not indices:
        mode(func, func_out, inputs, outputs, settings)
        if undefined:
            rules.check_undefined_forward(func, outputs, inputs)
        return
    checked = []
    for imaginary in (True, False):

        def of_part(*given: Any, imaginary: bool = imaginary) -> tuple[Any, ...]:
            whole = list(given)
            for i in indices:
                real = inputs[i].real + given[i] * 1j if imaginary else given[i] + inputs[i].imag * 1j
                whole[i] = real
            return as_tuple(func(*whole))

        parts = [
            (t.imag if imaginary else t.real) if is_tensor(t) and t.is_complex() else t for t in inputs
        ]  # fmt: skip
        part_out = of_part(*parts)
        chosen = replace(settings, complex_places=indices, imaginary=imaginary)
        mode(of_part, part_out, parts, differentiable(part_out), chosen)
        checked.append((of_part, part_out, parts))
    if undefined:
        for of_part, part_out, parts in checked:
            rules.check_undefined_forward(of_part, part_out, parts)


# -- second order ------------------------------------------------------------------------------------------------------


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the gradients of the gradients of ``func`` agree with finite differences of the gradients.

    Args:
        func, inputs: as for ``gradcheck``.
        grad_outputs: the cotangents of the outputs, checked as inputs are; random ones by default.
        gen_non_contig_grad_outputs: make the random ones non-contiguous.
        check_fwd_over_rev, check_rev_over_rev: which mode differentiates the gradients.
        Others: as for ``gradcheck``.

    Raises:
        As ``gradcheck``.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise refusal("gradcheck.second_order.nothing_checked")
    if check_undefined_grad and not check_rev_over_rev:
        raise refusal("gradcheck.second_order.undefined")
    if check_batched_grad and not check_rev_over_rev:
        raise refusal("gradcheck.second_order.batched")
    given = as_tuple(inputs)
    seeds = (
        as_tuple(grad_outputs) if grad_outputs is not None else _random_seeds(func, given, gen_non_contig_grad_outputs)
    )
    input_places, seed_places = set(places(given)), set(places(seeds))
    count = len(seeds)

    def gradients(*args: Any) -> tuple[Any, ...]:
        at = tuple(t.requires_grad_() if i in input_places else t for i, t in enumerate(args[:-count]))
        outputs = differentiable(func(*at))
        cotangents = tuple(t.requires_grad_() if i in seed_places else t for i, t in enumerate(args[-count:]))
        wanted = tuple(t for i, t in enumerate(at) if i in input_places)
        found = grad(outputs, wanted, cotangents, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients, given + seeds, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, fast_mode=fast_mode, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, masked=masked,
    )  # fmt: skip


def _random_seeds(func: Callable[..., Any], inputs: tuple[Any, ...], noncontiguous: bool) -> tuple[Tensor, ...]:
    from reference_engine.testing import make_tensor

    return tuple(
        make_tensor(
            o.shape, dtype=o.dtype if o.is_floating_point() or o.is_complex() else dtypes.double, device=o.device,
            low=-1, high=1, requires_grad=True, noncontiguous=noncontiguous,
        )
        for o in differentiable(func(*inputs))
    )  # fmt: skip


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


# -- Jacobians that old programs ask for -------------------------------------------------------------------------------


def get_numerical_jacobian(
    fn: Callable[..., Any], inputs: Any, target: Any = None, eps: float = 1e-3, grad_out: float = 1.0
) -> tuple[Tensor, ...]:
    """Finite differences of the first output of ``fn``, which takes all inputs in one tuple. Deprecated.

    Raises:
        ValueError: another ``grad_out`` than 1.
    """
    warn("gradcheck.numerical_jacobian.private")
    if grad_out != 1.0:
        raise refusal("gradcheck.numerical_jacobian.grad_out")

    def spread(*given: Any) -> Any:
        return fn(given)

    given = as_tuple(inputs)
    found = numerical.jacobians(spread, given, as_tuple(fn(given)), eps)
    if target is None:
        return tuple(matrices[0] for matrices in found)
    wanted = [id(t) for t in as_tuple(target)]
    return tuple(matrices[0] for i, matrices in zip(places(given), found, strict=True) if id(given[i]) in wanted)


def get_analytical_jacobian(
    inputs: Any, output: Tensor, nondet_tol: float = 0.0, grad_out: float = 1.0
) -> tuple[tuple[Tensor, ...], bool, bool, bool]:
    """The Jacobian of an output as backward computes it; whether two runs agree, and sizes and dtypes. Deprecated.

    Raises:
        ValueError: another ``grad_out`` than 1.
    """
    warn("gradcheck.analytical_jacobian.private")
    if grad_out != 1.0:
        raise refusal("gradcheck.analytical_jacobian.grad_out")
    matrices, same, sizes, kinds = analytical.examined(inputs, output, nondet_tol)
    return tuple(matrices), same, sizes, kinds
