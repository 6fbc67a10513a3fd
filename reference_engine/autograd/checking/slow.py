"""The slow mode: whole Jacobians, compared element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reference_engine import dtypes
from reference_engine.autograd.checking import analytical, numerical
from reference_engine.autograd.checking.tensors import as_tuple, is_numeric
from reference_engine.semantics import current, refusal, switch

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


@dataclass(frozen=True)
class Settings:
    """What the caller of gradcheck chose, and which half of a complex function is being looked at."""

    eps: float
    rtol: float
    atol: float
    nondet_tol: float
    check_dtypes: bool
    forward: bool = False
    complex_places: tuple[int, ...] = ()
    imaginary: bool = False


def check(fn: Callable[..., Any], func_out: Any, inputs: Any, outputs: tuple[Tensor, ...], settings: Settings) -> None:
    """Compare the Jacobians.

    Raises:
        GradcheckError: they differ, or, without differentiable outputs, a numerical one is not zero.
    """
    returned = as_tuple(func_out)
    by_input = numerical.jacobians(fn, inputs, returned, settings.eps)
    if not outputs:
        for matrices in by_input:
            for matrix in matrices:
                if bool((matrix != 0).any()):
                    raise refusal("gradcheck.zero_expected")
        return
    numeric = [o for o in returned if is_numeric(o)]
    by_output = [row for o, row in zip(numeric, zip(*by_input, strict=True), strict=True) if o.requires_grad]
    if settings.forward:
        forward = analytical.forward_jacobians(fn, inputs, returned, settings.check_dtypes)
        for i, row in enumerate(by_output):
            for j, n in enumerate(row):
                _compare(forward[j][i], n, i, j, settings)
        return
    for i, output in enumerate(outputs):
        found = analytical.backward_jacobians(inputs, output, settings.nondet_tol, settings.check_dtypes)
        for j, (a, n) in enumerate(zip(found, by_output[i], strict=True)):
            _compare(a, n, i, j, settings)


def _compare(a: Tensor, n: Tensor, output: int, which: int, settings: Settings) -> None:
    if not allclose(a, n, settings.rtol, settings.atol):
        raise mismatch(a, n, output, which, settings)


def allclose(a: Tensor, b: Tensor, rtol: float, atol: float) -> bool:
    """``torch.allclose`` of two tensors whose dtypes may differ."""
    import reference_engine as engine

    promoted = dtypes.promote_types(a.dtype, b.dtype)
    return bool(engine.allclose(a.to(promoted), b.to(promoted), rtol, atol))


def shown(value: Tensor) -> Any:
    """A tensor as messages show it; a single number became bare when they began to use f-strings."""
    return value if switch("gradcheck.bare_numbers") else str(value)


def mismatch(a: Any, n: Any, output: int, which: int, settings: Settings, more: str = "") -> Exception:
    """The refusal of two derivatives that differ."""
    half = which if settings.forward else output
    prefix = ""
    if half in settings.complex_places:
        part = "imaginary" if settings.imaginary else "real"
        prefix = current().message("gradcheck.mismatch_part")[1].format(
            part=part, element="inputs" if settings.forward else "outputs"
        )  # fmt: skip
    clause = "gradcheck.mismatch_forward" if settings.forward else "gradcheck.mismatch"
    error = refusal(clause, output=output, input=which, numerical=shown(n), analytical=shown(a))
    error.args = (f"{prefix}{error}{more}",)
    return error
