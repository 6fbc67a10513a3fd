"""Complex numbers that are not finite, where the C standard says what functions make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine.semantics import cite


def annex_g(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function as NumPy has it, which follows the standard: it is said where that matters."""

    def apply(x: Any) -> Any:
        if x.dtype.kind == "c" and not np.isfinite(x).all():
            cite("complex.not_finite")
        return function(x)

    return apply
