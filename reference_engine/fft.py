"""``torch.fft``: the frequencies of a transform's places. The transforms are declared in ``ops/fourier.py``."""

from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.tensor import Tensor


def fftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """Frequencies of a transform of `n` samples that lie `d` apart: zero, the positive, the negative ones."""
    made = torch.arange(n, dtype=options.pop("dtype", None) or dtypes.get_default_dtype(), **options)
    made[(n + 1) // 2 :] -= n
    return made.mul_(1.0 / (n * d))


def rfftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """The frequencies of the half that `rfft` gives."""
    made = torch.arange(n // 2 + 1, dtype=options.pop("dtype", None) or dtypes.get_default_dtype(), **options)
    return made.mul_(1.0 / (n * d))
