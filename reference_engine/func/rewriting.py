"""Functions and modules as transforms want them: without changes in place, without running statistics."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from reference_engine.nn.module import Module
from reference_engine.nn.normalization import _BatchNorm


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """A function that computes the same; what it does in place cannot be told apart from here.

    Raises:
        RuntimeError: something else is to be removed than mutations, or mutations and views.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
            "     remove='mutations': all inplace and out= operators will be removed from the program, and replaced "
            "with their out-of-place equivalents.\n"
            "     remove='mutations_and_views': In addition to the above, all aliasing operators {view} will be "
            "replaced with their non-aliasing counterparts, {view}_copy.\n"
        )

    @functools.wraps(func)
    def made(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return made


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let every batch normalisation below use the statistics of its batch alone."""
    for module in root.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
