"""Calls that the custom Functions of ``autograd_function_db`` are tested with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from reference_engine.testing._internal.opinfo.core import SampleInput
from reference_engine.testing.creation import make_tensor

Samples = Iterator[SampleInput]


def _maker(device: Any, dtype: Any, requires_grad: bool) -> Any:
    return partial(make_tensor, device=device, dtype=dtype, requires_grad=requires_grad, low=0.8, high=2)


def sample_inputs_numpy_cube(opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any) -> Samples:
    yield SampleInput(_maker(device, dtype, requires_grad)(1))


def sample_inputs_numpy_mul(opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any) -> Samples:
    make = _maker(device, dtype, requires_grad)
    yield SampleInput(make(4), make((3, 4)))


def sample_inputs_numpy_mul_scalar(opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any) -> Samples:
    yield SampleInput(_maker(device, dtype, requires_grad)(4), args=(), kwargs={"scalar": 3.14})


def sample_inputs_numpy_sort(opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any) -> Samples:
    yield SampleInput(make_tensor((3, 5), device=device, dtype=dtype, requires_grad=requires_grad), 1)


def sample_inputs_numpy_take(opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any) -> Samples:
    tensor = make_tensor((3, 5), device=device, dtype=dtype, requires_grad=requires_grad)
    from reference_engine.testing._internal.autograd_function_db import NumpySort

    _, ind, ind_inv = NumpySort.apply(tensor.detach(), 1)
    yield SampleInput(tensor, ind, ind_inv, 1)


def sample_inputs_select(opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any) -> Samples:
    yield SampleInput(make_tensor((3, 5), device=device, dtype=dtype, requires_grad=requires_grad), 2)


def sample_inputs_forward_default_args(
    opinfo: Any, device: Any, dtype: Any, requires_grad: bool, **kwargs: Any
) -> Samples:
    yield SampleInput(make_tensor((3, 5), device=device, dtype=dtype, requires_grad=requires_grad))
