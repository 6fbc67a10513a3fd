"""The few names of ``torch._C`` that scripts use."""

from __future__ import annotations

from reference_engine.overrides import DisableTorchFunctionSubclass, _disabled_torch_function_impl

__all__ = ["DisableTorchFunctionSubclass", "_disabled_torch_function_impl"]
