"""Weights of convolutions in another order of memory."""

from __future__ import annotations

from typing import Any

from reference_engine.nn.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d


def _convert(module: Any, memory_format: Any, kinds: Any) -> Any:
    if isinstance(module, kinds):
        weight = module.weight.detach().clone(memory_format=memory_format)
        module.weight.data = weight
    for child in module.children():
        _convert(child, memory_format, kinds)
    return module


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Lay out the weights of two-dimensional convolutions in a module."""
    return _convert(module, memory_format, (Conv2d, ConvTranspose2d))


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Lay out the weights of three-dimensional convolutions in a module."""
    return _convert(module, memory_format, (Conv3d, ConvTranspose3d))
