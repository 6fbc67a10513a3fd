"""The fast mode: one random number of each Jacobian J, v'Ju, instead of all of it.

Source: https://docs.pytorch.org/docs/stable/notes/gradcheck.html#fast-backward-mode-gradcheck
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.checking import analytical, numerical
from reference_engine.autograd.checking.slow import Settings, allclose, mismatch
from reference_engine.autograd.checking.tensors import as_tuple, is_numeric, places
from reference_engine.semantics import current, refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def check(fn: Callable[..., Any], func_out: Any, inputs: Any, outputs: tuple[Tensor, ...], settings: Settings) -> None:
    """Compare v'Ju for random u and v; in forward mode compare Ju.

    Raises:
        GradcheckError: they differ; the message then tells the whole Jacobians.
    """
    given = as_tuple(inputs)
    which = places(given)
    vs, us = vectors([given[i] for i in which], None if settings.forward else outputs)
    returned = as_tuple(func_out)
    products = [
        _numeric_only(numerical.directional(fn, given, i, u, settings.eps), returned)
        for i, u in zip(which, us, strict=True)
    ]
    if vs is not None:
        products = [[(v * p).sum() for v, p in zip(vs, row, strict=False)] for row in products]
    if settings.forward:
        found = analytical.forward_jacobians(fn, given, returned, settings.check_dtypes, along=us)
    else:
        if not outputs:
            _check_zero(fn, given, which, us, settings)
        found = _transposed(_backward(given, outputs, vs or [], us, settings), len(which))
    for i, row in enumerate(products):
        for j, n in enumerate(row):
            a = found[i][j]
            atol = _scaled(settings.atol, us[i], None if vs is None else vs[j])
            if not allclose(a, n, settings.rtol, atol):
                raise mismatch(a, n, j, i, settings, _in_full(fn, given, outputs, i, which[i], j, settings))


def vectors(tensors: list[Tensor], outputs: tuple[Tensor, ...] | None) -> tuple[list[Tensor] | None, list[Any]]:
    """Random vectors of length one: for each output, and for each input (a pair for a complex one).

    They come from a generator of their own, so that the caller's random numbers stay what they are.
    """
    import reference_engine as engine

    generator = engine.Generator()

    def draw(like: Tensor, real: bool) -> Tensor:
        dtype = like._dtype.to_real() if real else like._dtype
        made = engine.rand(like.numel(), generator=generator).to(dtype=dtype)
        made /= made.norm()
        return made

    us: list[Any] = []
    for t in tensors:
        first = draw(t, True)
        us.append((first, draw(t, True)) if t.is_complex() else first)
    return (None if outputs is None else [draw(o, False) for o in outputs]), us


def _numeric_only(products: list[Tensor], returned: tuple[Any, ...]) -> list[Tensor]:
    return [p for p, o in zip(products, returned, strict=True) if is_numeric(o)]


def _backward(
    inputs: tuple[Any, ...], outputs: tuple[Tensor, ...], vs: list[Tensor], us: list[Any], settings: Settings
) -> list[list[Any]]:
    """v'Ju for each output and each input, by one backward an output."""
    import reference_engine as engine

    rows = []
    for output, v in zip(outputs, vs, strict=True):
        row: list[Any] = []
        products = analytical.backward_jacobians(inputs, output, settings.nondet_tol, settings.check_dtypes, v)
        for product, u in zip(products, us, strict=True):
            vector = product.reshape(-1)
            if vector.is_complex():
                parts = engine.view_as_real(vector.resolve_conj())
                row.append(parts.select(-1, 0).dot(u[0]) + 1j * parts.select(-1, 1).dot(u[1]))
            else:
                row.append(vector.dot(u))
        rows.append(row)
    return rows


def _transposed(rows: list[list[Any]], width: int) -> list[list[Any]]:
    return [[row[i] for row in rows] for i in range(width)]


def _check_zero(
    fn: Callable[..., Any], inputs: tuple[Any, ...], which: list[int], us: list[Any], settings: Settings
) -> None:
    for i, u in zip(which, us, strict=True):
        for product in numerical.directional(fn, inputs, i, u, settings.eps):
            if product.numel() and bool(product.abs().max() > settings.nondet_tol):
                raise refusal("gradcheck.zero_expected")


def _scaled(atol: float, u: Any, v: Tensor | None) -> float:
    """The tolerance of an element, summed as the elements are."""
    weight = 1.0 if v is None else v.sum().item()
    total = sum(float(part.sum().item()) for part in u) if isinstance(u, tuple) else float(u.sum().item())
    return atol * total * float(weight)


def _in_full(
    fn: Callable[..., Any],
    inputs: tuple[Any, ...],
    outputs: tuple[Tensor, ...],
    number: int,
    place: int,
    output: int,
    settings: Settings,
) -> str:
    """Both Jacobians in full, for the message."""
    n = numerical.jacobians(fn, inputs, outputs, settings.eps)[number][output]
    if settings.forward:

        def of_one(value: Any) -> Any:
            return as_tuple(fn(*(value if i == place else other for i, other in enumerate(inputs))))[output]

        a = analytical.forward_jacobians(of_one, (inputs[place],), (outputs[output],))[0][0]
    else:
        a = analytical.backward_jacobians(inputs, outputs[output], float("inf"), False)[number]
    say = current().message
    text = say("gradcheck.mismatch_in_full")[1].format(
        numerical=n, analytical=a, difference=(n - a).abs().max()
    )  # fmt: skip
    if allclose(a, n, settings.rtol, settings.atol):
        text += say("gradcheck.mismatch_fast_only")[1]
    return text
