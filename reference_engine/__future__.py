"""``torch.__future__``: how modules change the dtype of their parameters.

Source: https://docs.pytorch.org/docs/stable/future_mod.html
"""

from __future__ import annotations

_chosen = {"overwrite": False, "swap": False}


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Whether a conversion gives a module new parameters instead of new data."""
    _chosen["overwrite"] = value


def get_overwrite_module_params_on_conversion() -> bool:
    return _chosen["overwrite"]


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Whether a conversion, and loading a state, swaps parameters with converted ones."""
    _chosen["swap"] = value


def get_swap_module_params_on_conversion() -> bool:
    return _chosen["swap"]
