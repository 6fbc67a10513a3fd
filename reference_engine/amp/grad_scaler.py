"""Losses scaled up, so that small gradients survive in half precision, and gradients scaled down again.

Source: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
"""

from __future__ import annotations

import warnings
from typing import Any

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.modes import no_grad
from reference_engine.tensor import Tensor


class GradScaler:
    """Finds a factor by trial: it grows while gradients are finite, and shrinks, with the step skipped, when not."""

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device, self._enabled = device, enabled
        if enabled and device == "cuda":
            warnings.warn("torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2)
            self._enabled = False
        if self._enabled:
            if growth_factor <= 1.0:
                raise AssertionError("The growth factor must be > 1.0.")
            if backoff_factor >= 1.0:
                raise AssertionError("The backoff factor must be < 1.0.")
            self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
            self._growth_interval, self._init_scale = growth_interval, init_scale
            self._scale: Any = None
            self._growth_tracker = 0
            self._found: dict[int, tuple[str, float]] = {}  # what was done with an optimizer, and whether inf was seen

    def _begin(self) -> Any:
        if self._scale is None:
            self._scale = torch.full((), self._init_scale, dtype=dtypes.float32)
        return self._scale

    def _check_begun(self, what: str) -> None:
        if self._scale is None:
            raise AssertionError(
                f"Attempted {what} but _scale is None.  This may indicate your script did not use "
                "scaler.scale(loss or outputs) earlier in the iteration."
            )

    def scale(self, outputs: Any) -> Any:
        """Losses times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._begin()
        if isinstance(outputs, (list, tuple)):
            return type(outputs)(self.scale(each) for each in outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the factor.

        Raises:
            RuntimeError: done already since the last update.
        """
        if not self._enabled:
            return
        stage = self._found.get(id(optimizer), ("ready", 0.0))[0]
        if stage == "unscaled":
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if stage == "stepped":
            raise RuntimeError("unscale_() is being called after step().")
        self._check_begun("unscale_")
        inverse, infinite = self._scale.double().reciprocal().float(), 0.0
        with no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        infinite = max(infinite, 0.0 if bool(parameter.grad.isfinite().all()) else 1.0)
                        parameter.grad.mul_(inverse.to(parameter.grad.dtype))
        self._found[id(optimizer)] = "unscaled", infinite

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """The optimizer's step, unless a gradient is not finite.

        Raises:
            RuntimeError: twice since the last update, or with a closure.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage = self._found.get(id(optimizer), ("ready", 0.0))[0]
        if stage == "stepped":
            raise RuntimeError("step() has already been called since the last update().")
        if stage == "ready":
            self.unscale_(optimizer)
        infinite = self._found[id(optimizer)][1]
        result = None if infinite else optimizer.step(*args, **kwargs)
        self._found[id(optimizer)] = "stepped", infinite
        return result

    def update(self, new_scale: Any = None) -> None:
        """A new factor for the next iteration."""
        if not self._enabled:
            return
        self._check_begun("update")
        scale = self._begin()
        if new_scale is not None:
            scale.fill_(float(new_scale))
        else:
            if not self._found:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(infinite for _, infinite in self._found.values()):
                scale.mul_(self._backoff_factor)
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    scale.mul_(self._growth_factor)
                    self._growth_tracker = 0
        self._found = {}

    def get_scale(self) -> float:
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else float(self._scale.item())

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(), "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval, "_growth_tracker": self._growth_tracker,
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a saved state.

        Raises:
            RuntimeError: it is empty.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._scale = None if self._scale is None else self._scale.fill_(state_dict["scale"])
        for name in ("growth_factor", "backoff_factor", "growth_interval"):
            setattr(self, f"_{name}", state_dict[name])
        self._growth_tracker = state_dict["_growth_tracker"]
