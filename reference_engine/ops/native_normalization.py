"""Normalisation and dropout as torch's kernels have them: with the statistics, and with the mask."""

from __future__ import annotations

from typing import Any

from reference_engine import dtypes
from reference_engine.modes import state
from reference_engine.ops import domains, normalization
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import ones_like
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def _layer_norm(input: Tensor, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    return normalization.layer_norm_with_statistics(input, normalized_shape, weight, bias, eps)


declare(
    "native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) "
    "-> (Tensor, Tensor, Tensor)",
    forward=_layer_norm, composite=True, method=False, non_differentiable_outputs=(1, 2),
    samples=domains.real(shapes="layers", arguments={"eps": (1e-5,)}),
)  # fmt: skip


def _group_norm(
    input: Tensor, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float
) -> Any:  # fmt: skip
    shape = list(input._shape)
    if C % group:
        raise refusal("nn.group_norm.channels", shape=shape, groups=group)
    if input.numel() != N * C * HxW:
        raise refusal("nn.group_norm.numel")
    return normalization.group_norm_with_statistics(input, group, weight, bias, eps)


declare(
    "native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int HxW, int group, float eps) "
    "-> (Tensor, Tensor, Tensor)",
    forward=_group_norm, composite=True, method=False,
)  # fmt: skip
declare(
    "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
    "bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    forward=normalization.batch_norm_with_statistics, composite=True, method=False,
)  # fmt: skip


def _dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    if input._dtype.is_complex and input.requires_grad and state.grad:
        raise refusal("complex.not_differentiable", op="native_dropout")
    plain = input.detach()
    mask = ones_like(plain, dtype=dtypes.bool_)
    if train is False:
        return plain.clone(), mask
    mask.bernoulli_(1 - p)
    return plain * mask * (0.0 if p == 1 else 1 / (1 - p)), mask


def _dropout_vjp(grad: Tensor, result1: Tensor, p: float, train: bool | None) -> Tensor:
    scale = 1.0 if train is False else 0.0 if p == 1 else 1 / (1 - p)
    return grad * result1 * scale


declare(
    "native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)", forward=_dropout, method=False,
    node="NativeDropoutBackward0", vjp={"input": _dropout_vjp}, non_differentiable_outputs=(1,),
    samples=domains.real(arguments={"p": (0.0, 1.0), "train": (True, False)}),
)  # fmt: skip
