"""Windows: weights that fade a stretch of a signal in and out. Every step is rounded in the dtype of the window.

Source: https://docs.pytorch.org/docs/stable/generated/torch.hann_window.html
"""

from __future__ import annotations

import math
from typing import Any

import scipy.special as sp

from reference_engine import creation, dtypes, layouts
from reference_engine.dtypes import dtype
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import plus, times
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def _number(like: Tensor, value: float) -> float:
    """A number that is combined in place is rounded to the dtype first."""
    return float(like._dtype.np.type(value))


def _scaled(t: Tensor, factor: float) -> Tensor:
    return times(t, _number(t, factor))


def _raised(t: Tensor, number: float) -> Tensor:
    return plus(t, _number(t, number))


def _cosines(ramp: Tensor, alpha: float, beta: float) -> Tensor:
    """alpha - beta cos(2 pi t), where ``ramp`` counts from 0 to n and t goes from 0 to 1."""
    return _raised(_scaled(_scaled(ramp, 2 * math.pi / (len(ramp) - 1)).cos(), -beta), alpha)


def _blackman(ramp: Tensor) -> Tensor:
    half = _scaled(ramp, math.pi / (len(ramp) - 1))
    return _raised(_scaled(times(half, 4).cos(), 0.08) - _scaled(times(half, 2).cos(), 0.5), 0.42)


def _bartlett(ramp: Tensor) -> Tensor:
    rising = _scaled(ramp, 2 / (len(ramp) - 1))
    past = (len(ramp) - 1) // 2 + 1
    falling = rising.narrow(0, past, len(ramp) - past)
    falling.copy_(plus(times(falling, -1), 2))
    return rising


def _kaiser(ramp: Tensor, beta: float) -> Tensor:
    d = ramp._dtype
    count = ramp._read().astype(d.compute)
    real = count.dtype.type
    middle = real((len(count) - 1) / 2)
    away = (count - middle) / middle
    bent = real(beta) * (1 - away * away) ** real(0.5)
    return from_array(sp.i0(bent) / sp.i0(real(beta)), d)


def _made(name: str, shape: Any, window_length: int, periodic: bool, options: Any) -> Tensor:
    """A window of the given shape; a periodic one is a symmetric one that is one longer, less its last weight."""
    wanted, layout, _, _, requires_grad = options  # one device, whose memory is not pinned
    d: dtype = wanted or dtypes.get_default_dtype()
    if layout is layouts.LAYOUTS["sparse_coo"]:
        raise refusal("creation.window.layout", name=name, dtype=f"{wanted.cpp_name}" if wanted else "float (default)")
    if d.category < 2:
        raise refusal("creation.window.dtype", name=name, dtype=d.cpp_name)
    if window_length < 0:
        raise refusal("creation.window.length", name=name, length=window_length)
    if window_length < 2:
        return creation.ones(window_length, dtype=d, requires_grad=requires_grad)
    if d.is_complex:
        raise refusal("ops.not_implemented_for", op="arange_cpu", dtype=d.scalar_name)
    made = shape(creation.arange(window_length + periodic, dtype=d))
    made = made.narrow(0, 0, window_length) if periodic else made
    return made.requires_grad_() if requires_grad else made


_OPTIONS = (
    "dtype? dtype=None, layout? layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False"
)
_COMMON: dict[str, Any] = {"composite": True, "method": False}


def _declare_window(name: str, shape: Any, **parameters: float) -> None:
    """The overloads: each takes one more of the window's own parameters than the one before."""
    names = list(parameters)
    for given in range(-1, len(names) + 1):
        own = "".join(f", {part}" for part in ("bool periodic", *(f"float {p}" for p in names[: max(given, 0)])))

        def forward(window_length: int, *rest: Any, given: int = given) -> Tensor:
            taken = max(given, 0)
            periodic, values = (rest[0], rest[1 : 1 + taken]) if given >= 0 else (True, ())
            chosen = {**parameters, **dict(zip(names, values, strict=False))}
            return _made(name, lambda ramp: shape(ramp, **chosen), window_length, periodic, rest[-5:])

        declare(
            f"{name}(int window_length{own if given >= 0 else ''}, *, {_OPTIONS}) -> Tensor", forward=forward, **_COMMON
        )


_declare_window("hann_window", lambda ramp: _cosines(ramp, 0.5, 0.5))
_declare_window("hamming_window", _cosines, alpha=0.54, beta=0.46)
_declare_window("blackman_window", _blackman)
_declare_window("bartlett_window", _bartlett)
_declare_window("kaiser_window", _kaiser, beta=12.0)
