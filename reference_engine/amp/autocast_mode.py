"""The block in which functions choose their own precision, and custom Functions that take part."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from reference_engine import dtypes
from reference_engine.autocasting import state
from reference_engine.devices import device
from reference_engine.tensor import Tensor

_DEVICES = ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "xla", "ipu", "privateuseone")


def is_autocast_available(device_type: str) -> bool:
    return device_type in _DEVICES


class autocast:
    """Inside, functions on the CPU are computed in the type that suits each; also a decorator.

    Raises:
        ValueError, RuntimeError: an unfit device.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device(device_type).type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        narrow = dtypes.float16 if device_type == "cuda" else dtypes.bfloat16
        self.fast_dtype = (state.dtype if device_type == "cpu" else narrow) if dtype is None else dtype
        if device_type != "cpu" and enabled:
            if device_type == "cuda":
                warnings.warn("User provided device_type of 'cuda', but CUDA is not available. Disabling", stacklevel=2)
            enabled = False
        if enabled and self.fast_dtype not in (dtypes.bfloat16, dtypes.float16):
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtype of torch.bfloat16, torch.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled, self._caches = enabled, state.caches if cache_enabled is None else cache_enabled

    def __enter__(self) -> autocast:
        self._before = state.enabled, state.dtype, state.caches
        state.depth += 1
        if self.device == "cpu":
            state.enabled, state.dtype, state.caches = self._enabled, self.fast_dtype, self._caches
        return self

    def __exit__(self, *failure: object) -> None:
        state.depth -= 1
        if not state.depth:
            state.cast.clear()
        state.enabled, state.dtype, state.caches = self._before

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return decorated


def _cast(value: Any, wanted: dtypes.dtype) -> Any:
    if isinstance(value, Tensor):
        narrowed = value.is_floating_point() and value.dtype is not dtypes.float64
        return value.to(wanted) if narrowed else value
    if isinstance(value, dict):
        return {_cast(key, wanted): _cast(each, wanted) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(each, wanted) for each in value)
    return value


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """For the ``forward`` of a Function: remember whether the block was on, or cast the inputs and turn it off."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        enabled = state.enabled and device_type == "cpu"
        args[0]._dtype = state.dtype
        args[0]._fwd_used_autocast = enabled if cast_inputs is None else False
        if cast_inputs is None or not enabled:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(*_cast(args, cast_inputs), **_cast(kwargs, cast_inputs))

    return decorated


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """For the ``backward`` of a Function: as it was in ``forward``."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorated


# -- questions of the top level ----------------------------------------------------------------------------------------


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    return state.enabled and device_type == "cpu"


def is_autocast_cpu_enabled() -> bool:
    return state.enabled


def is_autocast_cache_enabled() -> bool:
    return state.caches


def get_autocast_dtype(device_type: str) -> Any:
    return dtypes.float16 if device_type == "cuda" else state.dtype


def get_autocast_cpu_dtype() -> Any:
    return state.dtype


def get_autocast_gpu_dtype() -> Any:
    return dtypes.float16


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    if device_type == "cpu":
        state.enabled = bool(enabled)


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    if device_type == "cpu":
        state.dtype = dtype


def set_autocast_cpu_enabled(enabled: bool) -> None:
    set_autocast_enabled("cpu", enabled)


def set_autocast_cpu_dtype(dtype: Any) -> None:
    set_autocast_dtype("cpu", dtype)


def set_autocast_cache_enabled(enabled: bool) -> None:
    state.caches = enabled


def clear_autocast_cache() -> None:
    state.cast.clear()
