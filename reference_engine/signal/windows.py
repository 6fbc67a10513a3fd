"""``torch.signal.windows``: windows that are symmetric unless asked to be periodic.

Source: https://docs.pytorch.org/docs/stable/signal.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.dtypes import dtype as _dtype
from reference_engine.tensor import Tensor

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
    "kaiser", "nuttall",
]  # fmt: skip


class _Places:
    """Where the weights of a window stand, once its arguments have been looked at.

    Raises:
        ValueError: the length is negative, the layout not strided, the dtype neither single nor double precision.
    """

    def __init__(self, name: str, M: int, sym: bool, dtype: _dtype | None, layout: Any, requires_grad: bool) -> None:
        if M < 0:
            raise ValueError(f"{name} requires non-negative window length, got M={M}")
        if layout is not torch.strided:
            raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
        self.dtype = dtype or dtypes.get_default_dtype()
        if self.dtype not in (dtypes.float32, dtypes.float64):
            raise ValueError(f"{name} expects float32 or float64 dtypes, got: {self.dtype}")
        self.count, self.requires_grad = M, requires_grad
        self.period = M if not sym and M > 1 else M - 1  # steps from the first weight to its next occurrence

    @property
    def single(self) -> bool:
        return self.count == 1

    def nothing(self) -> Tensor:
        return torch.empty((0,), dtype=self.dtype, requires_grad=self.requires_grad)

    def one(self) -> Tensor:
        return torch.ones((1,), dtype=self.dtype, requires_grad=self.requires_grad)

    def between(self, start: Any, end: Any) -> Tensor:
        return torch.linspace(start, end, self.count, dtype=self.dtype, requires_grad=self.requires_grad)

    def scaled(self, start: float, scale: float) -> Tensor:
        """From ``start`` on in steps of one, all of it scaled."""
        return self.between(start * scale, (start + self.count - 1) * scale)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: _dtype | None = None,
    layout: Any = torch.strided, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """exp(-|n - center| / tau)"""
    places = _Places("exponential", M, sym, dtype, layout, requires_grad)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return places.nothing()
    middle = places.period / 2 if center is None else center
    return (-places.scaled(-middle, 1 / tau).abs()).exp()


def cosine(
    M: int, *, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Half a period of the sine, which starts and ends half a step outside."""
    places = _Places("cosine", M, sym, dtype, layout, requires_grad)
    if M == 0:
        return places.nothing()
    return places.scaled(0.5, math.pi / (places.period + 1)).sin()


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """exp(-(n - middle)² / (2 std²))"""
    places = _Places("gaussian", M, sym, dtype, layout, requires_grad)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return places.nothing()
    return (-(places.scaled(-places.period / 2, 1 / (std * math.sqrt(2))) ** 2)).exp()


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """I0(sqrt(beta² - k²)) / I0(beta), where k goes from -beta to beta."""
    places = _Places("kaiser", M, sym, dtype, layout, requires_grad)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M == 0:
        return places.nothing()
    if places.single:
        return places.one()
    edge = torch.tensor(beta, dtype=places.dtype)
    last = torch.minimum(edge, -edge + (M - 1) * (2.0 * edge / places.period))  # rounding must not lead past the edge
    k = places.between(-edge, last)
    return torch.i0((edge * edge - k.pow(2)).sqrt()) / torch.i0(edge)


def hamming(
    M: int, *, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(
    M: int, *, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    return general_hamming(
        M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def blackman(
    M: int, *, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    _Places("blackman", M, sym, dtype, layout, requires_grad)  # refuses under this name
    return general_cosine(
        M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def bartlett(
    M: int, *, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A triangle."""
    places = _Places("bartlett", M, sym, dtype, layout, requires_grad)
    if M == 0:
        return places.nothing()
    if places.single:
        return places.one()
    return 1 - places.between(-1, -1 + (M - 1) * (2 / places.period)).abs()


def general_cosine(
    M: Any, *, a: Iterable[float], sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A sum of cosines with alternating signs: a[0] - a[1] cos(t) + a[2] cos(2t) - ...

    Raises:
        TypeError, ValueError: the coefficients are no sequence, or none at all.
    """
    places = _Places("general_cosine", M, sym, dtype, layout, requires_grad)
    if M == 0:
        return places.nothing()
    if places.single:
        return places.one()
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    step = 2 * math.pi / places.period
    angle = places.between(0, (M - 1) * step)
    weights = torch.tensor([(-1) ** i * w for i, w in enumerate(a)], dtype=places.dtype, requires_grad=requires_grad)
    harmonics = torch.arange(len(weights), dtype=weights.dtype)
    return (weights.unsqueeze(-1) * torch.cos(harmonics.unsqueeze(-1) * angle)).sum(0)


def general_hamming(
    M: Any, *, alpha: float = 0.54, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """alpha - (1 - alpha) cos(t)"""
    return general_cosine(
        M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def nuttall(
    M: int, *, sym: bool = True, dtype: _dtype | None = None, layout: Any = torch.strided, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Four cosines with very low side lobes."""
    return general_cosine(
        M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip
