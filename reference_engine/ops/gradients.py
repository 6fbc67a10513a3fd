"""``torch.gradient``: derivatives of sampled functions by differences of neighbouring samples.

Source: https://docs.pytorch.org/docs/stable/generated/torch.gradient.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import over, times
from reference_engine.ops.kernels import wrap_dim
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Spacing = Sequence[Any]


def _dims(self: Tensor, dim: Any) -> tuple[int, ...]:
    ndim = len(self._shape)
    given = range(ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    wrapped: list[int] = []
    for d in given:
        at = wrap_dim(d, ndim, wrap_scalar=False)
        if at in wrapped:
            raise refusal("ops.dim.duplicate", dim=at)
        wrapped.append(at)
    return tuple(wrapped)


def _check(self: Tensor, spacing: Spacing | None, dim: Any, edge_order: int) -> None:
    if self._dtype is dtypes.uint8:
        raise refusal("reduction.gradient.uint8")
    if spacing is not None:
        if dim is None and len(spacing) != len(self._shape):
            raise refusal("reduction.gradient.spacing_all", ndim=len(self._shape), got=len(spacing))
        if dim is not None and len(spacing) != (1 if isinstance(dim, int) else len(dim)):
            dims = 1 if isinstance(dim, int) else len(dim)
            raise refusal("reduction.gradient.spacing_dims", spacing=len(spacing), dims=dims)
    if edge_order not in (1, 2):
        raise refusal("reduction.gradient.edge_order")
    for d in _dims(self, dim):
        if self._shape[d] < edge_order + 1:
            raise refusal("reduction.gradient.size")


def _parts(self: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """The samples that have both neighbours: those to the left, themselves, those to the right."""
    n = self._shape[dim] - 2
    return self.narrow(dim, 0, n), self.narrow(dim, 1, n), self.narrow(dim, 2, n)


def _first(self: Tensor, dim: int, count: int) -> list[Tensor]:
    return [self.narrow(dim, i, 1) for i in range(count)]


def _last(self: Tensor, dim: int, count: int) -> list[Tensor]:
    """From the inside to the end."""
    return [self.narrow(dim, self._shape[dim] - count + i, 1) for i in range(count)]


def _joined(parts: Sequence[Tensor], dim: int) -> Tensor:
    import reference_engine as engine

    made: Tensor = engine.cat(list(parts), dim)
    return made


def _even(self: Tensor, step: Any, dim: int, edge_order: int) -> Tensor:
    """Samples at equal distances."""
    left, _, right = _parts(self, dim)
    inner = over(right - left, step * 2)
    if edge_order == 1:
        (a, b), (c, d) = _first(self, dim, 2), _last(self, dim, 2)
        return _joined([over(b - a, step), inner, over(d - c, step)], dim)
    a, b, c = _first(self, dim, 3)
    start = over(times(b, 4) - times(a, 3) - c, step * 2)
    a, b, c = _last(self, dim, 3)
    return _joined([start, inner, over(a - times(b, 4) + times(c, 3), step * 2)], dim)


def _uneven(self: Tensor, places: Tensor, dim: int, edge_order: int) -> Tensor:
    """Samples at given places: the slope of the parabola through each and its neighbours."""
    widths = places.diff().reshape((-1, *(1,) * (len(self._shape) - dim - 1)))
    before, after = widths._slice(0, 0, -1, 1), widths._slice(0, 1, None, 1)
    both = before + after
    left, middle, right = _parts(self, dim)
    inner = (
        (-after / (before * both)) * left
        + ((after - before) / (before * after)) * middle
        + (before / (after * both)) * right
    )
    if edge_order == 1:
        (a, b), (c, d) = _first(self, dim, 2), _last(self, dim, 2)
        return _joined([(b - a) / widths[0], inner, (d - c) / widths[-1]], dim)
    a, b, c = _first(self, dim, 3)
    h, k = before[0], after[0]
    start = (-(times(h, 2) + k) / (h * (h + k))) * a + ((h + k) / (h * k)) * b + (-h / (k * (h + k))) * c
    a, b, c = _last(self, dim, 3)
    h, k = before[-1], after[-1]
    end = (k / (h * (h + k))) * a + (-(h + k) / (h * k)) * b + ((times(k, 2) + h) / (k * (h + k))) * c
    return _joined([start, inner, end], dim)


def _one_step(self: Tensor, spacing: Any, dim: Any, edge_order: int) -> tuple[Tensor, ...]:
    _check(self, None, dim, edge_order)
    step = 1 if spacing is None else spacing
    return tuple(_even(self, step, d, edge_order) for d in _dims(self, dim))


def _steps(self: Tensor, spacing: Spacing, dim: Any, edge_order: int) -> tuple[Tensor, ...]:
    _check(self, spacing, dim, edge_order)
    return tuple(_even(self, step, d, edge_order) for d, step in zip(_dims(self, dim), spacing, strict=True))


def _places(self: Tensor, spacing: Spacing, dim: Any, edge_order: int) -> tuple[Tensor, ...]:
    _check(self, spacing, dim, edge_order)
    for places in spacing:
        if len(places._shape) != 1:
            raise refusal("reduction.gradient.places", ndim=len(places._shape))
    return tuple(_uneven(self, places, d, edge_order) for d, places in zip(_dims(self, dim), spacing, strict=True))


_COMMON: dict[str, Any] = {"composite": True, "method": False}
_EDGES: dict[str, Any] = {"edge_order": (1, 2)}

declare(
    "gradient(Tensor self, *, int[] dim, int edge_order=1) -> Tensor[]",
    forward=lambda self, dim, edge_order: _one_step(self, None, dim, edge_order),
    samples=domains.field(arguments={"dim": "dimensions", **_EDGES}), **_COMMON,
)  # fmt: skip
for _signature, _forward, _samples in (
    ("Scalar spacing, int[] dim", _one_step, None),
    ("Scalar? spacing=None, int? dim=None", _one_step, domains.field(
        arguments={"dim": "dim", "spacing": (None, 2, 0.5), **_EDGES}
    )),
    ("Scalar[] spacing, int? dim=None", _steps, None),
    ("Scalar[] spacing, int[] dim", _steps, None),
    ("Tensor[] spacing, int? dim=None", _places, None),
    ("Tensor[] spacing, int[] dim", _places, None),
):  # fmt: skip
    declare(
        f"gradient(Tensor self, *, {_signature}, int edge_order=1) -> Tensor[]", forward=_forward, samples=_samples,
        **_COMMON,
    )  # fmt: skip
