"""Modules that learn the size of their input from the first one.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from reference_engine import creation, dtypes
from reference_engine.modes import no_grad
from reference_engine.nn import conv, instance_norm, linear, normalization
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from reference_engine.semantics import switch


class LazyModuleMixin(Module):
    """Makes parameters when the first input comes, in `initialize_parameters`; then the module is a plain one."""

    cls_to_become: ClassVar[Any] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self.register_load_state_dict_pre_hook(_take_shapes)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)
        if switch("nn.lazy.warns"):
            warnings.warn(
                "Lazy modules are a new feature under heavy development so changes to the API or functionality can "
                "happen at any moment.",
                stacklevel=2,
            )

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Make the parameters for an input."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        return any(is_lazy(value) for value in (*self._parameters.values(), *self._buffers.values()))

    def _infer_parameters(self, module: Any, args: Any = (), kwargs: Any = None) -> None:
        """Before the first forward: make the parameters, and become a plain module."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


def _take_shapes(module: Any, state_dict: Any, prefix: str, *others: Any) -> None:
    """Before a state is loaded: what it has a shape for gets that shape."""
    for name, value in (*module._parameters.items(), *module._buffers.items()):
        given = state_dict.get(prefix + name)
        if is_lazy(value) and given is not None and not is_lazy(given):
            with no_grad():
                value.materialize(given.shape)


class LazyLinear(LazyModuleMixin, linear.Linear):
    """``Linear`` with as many inputs as the first one has features."""

    cls_to_become = linear.Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False, dtype=dtype)
        self.weight = UninitializedParameter(dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def reset_parameters(self) -> None:
        if self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()


class _LazyConvXdMixin(LazyModuleMixin):
    dimensions: int

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype
        )  # fmt: skip
        self._wait(out_channels, bias, dtype)

    def _wait(self, out_channels: int, bias: bool, dtype: Any) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Any) -> None:
        if not self.has_uninitialized_params():
            return
        if input.dim() not in (self.dimensions + 1, self.dimensions + 2):
            raise RuntimeError(
                f"Expected {self.dimensions + 1}D (unbatched) or {self.dimensions + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-self.dimensions - 1]
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        own, grouped = self.out_channels, self.in_channels // self.groups
        channels = (self.in_channels, own // self.groups) if self.transposed else (own, grouped)
        self.weight.materialize((*channels, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


@own_methods("__init__")
class LazyConv1d(_LazyConvXdMixin, conv.Conv1d):
    cls_to_become = conv.Conv1d


@own_methods("__init__")
class LazyConv2d(_LazyConvXdMixin, conv.Conv2d):
    cls_to_become = conv.Conv2d


@own_methods("__init__")
class LazyConv3d(_LazyConvXdMixin, conv.Conv3d):
    cls_to_become = conv.Conv3d


class _LazyConvTranspose(_LazyConvXdMixin):
    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        LazyModuleMixin.__init__(
            self, 0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device,
            dtype,
        )  # fmt: skip
        self._wait(out_channels, bias, dtype)


@own_methods("__init__")
class LazyConvTranspose1d(_LazyConvTranspose, conv.ConvTranspose1d):
    cls_to_become = conv.ConvTranspose1d


@own_methods("__init__")
class LazyConvTranspose2d(_LazyConvTranspose, conv.ConvTranspose2d):
    cls_to_become = conv.ConvTranspose2d


@own_methods("__init__")
class LazyConvTranspose3d(_LazyConvTranspose, conv.ConvTranspose3d):
    cls_to_become = conv.ConvTranspose3d


class _LazyNormBase(LazyModuleMixin):
    """Parameters and running statistics for as many channels as the first input has."""

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, False, False, dtype=dtype)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(dtype=dtype)
        if track_running_stats:
            for name in ("running_mean", "running_var"):
                self._buffers[name] = UninitializedBuffer(dtype=dtype)
            self._buffers["num_batches_tracked"] = creation.zeros((), dtype=dtypes.int64)

    def initialize_parameters(self: Any, input: Any) -> None:
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        for name in ("weight", "bias", "running_mean", "running_var"):
            value = getattr(self, name)
            if is_lazy(value):
                value.materialize((self.num_features,))
        self.reset_parameters()

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()  # type: ignore[misc]


class LazyBatchNorm1d(_LazyNormBase, normalization.BatchNorm1d):
    cls_to_become = normalization.BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, normalization.BatchNorm2d):
    cls_to_become = normalization.BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, normalization.BatchNorm3d):
    cls_to_become = normalization.BatchNorm3d


class LazyInstanceNorm1d(_LazyNormBase, instance_norm.InstanceNorm1d):
    cls_to_become = instance_norm.InstanceNorm1d


class LazyInstanceNorm2d(_LazyNormBase, instance_norm.InstanceNorm2d):
    cls_to_become = instance_norm.InstanceNorm2d


class LazyInstanceNorm3d(_LazyNormBase, instance_norm.InstanceNorm3d):
    cls_to_become = instance_norm.InstanceNorm3d
