"""``torch.nn.parallel`` where there are no devices to spread over: a module is run as it is."""

from __future__ import annotations

from typing import Any

from reference_engine.nn.module import Module


class DataParallel(Module):
    """Runs a module on parts of the batch, one a device; without devices, on all of it."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0,
    module_kwargs: Any = None,
) -> Any:  # fmt: skip
    """Run a module on parts of the batch, one a device; without devices, on all of it."""
    given = inputs if isinstance(inputs, tuple) else (inputs,) if inputs is not None else ()
    return module(*given, **(module_kwargs or {}))
