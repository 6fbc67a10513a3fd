"""The shadow: the same computation with every inexact result moved by a rounding error or two.

Two engines may round differently and both be right. How much that can matter to a value further on is measured, not
guessed: the program is run again several times with random rounding noise, and the spread of a value over these runs
is its conditioning. Results that are exact in their dtype (a copy, a comparison, 1 + 1) get no noise, so ties, zeros
and integer-valued numbers stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine.dtypes import dtype

_WIDER = {
    np.dtype(np.float32): np.dtype(np.float64),
    np.dtype(np.float64): np.dtype(np.longdouble),
    np.dtype(np.complex64): np.dtype(np.complex128),
    np.dtype(np.complex128): np.dtype(np.clongdouble),
}


def _widened(value: Any) -> Any:
    wider = _WIDER.get(value.dtype) if isinstance(value, np.ndarray) else None
    return value if wider is None else value.astype(wider)


def _precision(d: dtype) -> float:
    """How far apart the numbers of a dtype are at one."""
    if d.itemsize == 2:
        return 2.0**-8 if d.name == "bfloat16" else 2.0**-10
    return float(np.finfo(d.to_real().np).eps)


def _is_short(x: Any, d: dtype) -> Any:
    """Whether numbers need no more than half of the digits of their dtype, so that nobody can have rounded them.

    This says what is exact where a function cannot be computed in wider arithmetic, as those of LAPACK.
    """
    half = 2.0 ** (-np.log2(_precision(d)) // 2)
    parts = [np.frexp(part.astype(np.float64))[0] * half for part in ((x.real, x.imag) if d.is_complex else (x,))]
    return np.all([part == np.rint(part) for part in parts], axis=0)


def _alike(arrays: list[Any], out: Any) -> Any:
    """A number for each element of the result, the same where all arguments are the same."""
    given = [np.broadcast_to(a, out.shape).reshape(-1) for a in arrays if isinstance(a, np.ndarray)]
    table = np.stack([part for a in given for part in ((a.real, a.imag) if a.dtype.kind == "c" else (a,))], -1)
    return np.unique(table.astype(np.float64), axis=0, return_inverse=True)[1].reshape(out.shape)


class Shadow:
    """Rounding noise from a seed: each inexact element moves by up to ``ulps`` units in its last place."""

    def __init__(self, seed: int, ulps: float = 2.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.ulps = ulps

    def perturb(
        self, fn: Callable[..., Any], arrays: list[Any], out: Any, d: dtype, ulps: float = 0.0, floor: Any = 0.0,
        rounded: Any = False, alike: bool = False,
    ) -> Any:  # fmt: skip
        """``out`` with noise where ``fn`` in wider arithmetic shows that it was rounded.

        ``ulps`` is what kernels of this function may be off by, where that is more than the noise in general; a
        function that crosses zero may be off by as much there as where its size is ``floor``. Steps inside may have
        been ``rounded`` where the result is exact by luck. What is computed ``alike``, each element by itself, is
        rounded alike: equal elements stay equal.
        """
        out = np.asarray(out)
        if not d.is_differentiable:
            return out
        inexact = np.ones(out.shape, bool)
        own_error: Any = 0.0  # what this very formula loses to cancellation inside it, in its own precision
        stored = out.astype(d.np)
        if not ulps and all(
            not isinstance(a, np.ndarray) or a.dtype in _WIDER or a.dtype.kind in "biu" for a in arrays
        ):
            wide = [_widened(a) for a in arrays]
            try:
                exact = np.asarray(fn(*wide))
                if exact.dtype.kind in "fc" and np.finfo(exact.dtype).eps >= _precision(d):
                    inexact = ~_is_short(out, d) | rounded
                else:
                    inexact = (exact != stored.astype(exact.dtype)) | rounded
                    own_error = np.abs(exact - out)
            except (TypeError, np.linalg.LinAlgError):
                pass  # no wider arithmetic for this function (LAPACK): everything counts as rounded
        size = np.maximum(
            max(self.ulps, ulps) * _precision(d) * np.where(out == 0, 0, np.maximum(np.abs(out), floor)),
            np.nan_to_num(2 * own_error, posinf=0.0),
        )
        which = _alike(arrays, out) if alike and out.size > 1 else np.arange(out.size).reshape(out.shape)
        moved = out + (size * self.rng.uniform(-1, 1, out.size)[which]).astype(out.real.dtype)
        if d.is_complex:
            moved = moved + 1j * (size * self.rng.uniform(-1, 1, out.size)[which]).astype(out.real.dtype)
        return np.where(inexact & np.isfinite(out), moved, out).astype(out.dtype)


def sum_is_rounded(terms: Any, d: dtype) -> bool:
    """Whether adding these terms in some order rounds: not if they are small multiples of one power of two."""
    parts = np.abs(np.stack([terms.real, terms.imag]).astype(np.float64) if d.is_complex else terms.astype(np.float64))
    parts = parts[np.isfinite(parts) & (parts > 0)]
    if not parts.size:
        return False
    mantissa, exponent = np.frexp(parts)
    digits = (mantissa * 2.0**53).astype(np.int64)
    quantum = np.min(np.ldexp((digits & -digits).astype(np.float64), exponent - 53))
    return bool(np.sum(parts) / quantum > 2 / np.finfo(np.float32 if d.itemsize == 2 else d.to_real().np).eps)


active: Shadow | None = None
"""The shadow under which ops run; None, nearly always."""
