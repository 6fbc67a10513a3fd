"""Functions of ``torch.nn.functional`` under their names at the top level, where their arguments are others."""

from __future__ import annotations

from typing import Any

from reference_engine import dtypes
from reference_engine.nn import functional as F
from reference_engine.tensor import Tensor

#: How the losses of the elements are put together, by number.
REDUCTIONS = ("none", "mean", "sum")


def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    return F.embedding(
        indices, weight, padding_idx if padding_idx >= 0 else None, None, 2.0, scale_grad_by_freq, sparse
    )


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05,
    cudnn_enable: bool = True,
) -> Any:  # fmt: skip
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05, cudnn_enabled: bool = True
) -> Any:
    return F.group_norm(input, num_groups, weight, bias, eps)


def rms_norm(input: Tensor, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    return F.rms_norm(input, normalized_shape, weight, eps)


def batch_norm(
    input: Tensor, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float,
    eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool, momentum: float,
    eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def selu(input: Tensor) -> Any:
    return F.selu(input)


def celu(input: Tensor, alpha: float = 1.0) -> Any:
    return F.celu(input, alpha)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Any = None) -> Any:
    return F.bilinear(input1, input2, weight, bias)


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    return F.max_pool1d(input, kernel_size, stride or None, padding, dilation, ceil_mode)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    return F.max_pool2d(input, kernel_size, stride or None, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    return F.max_pool3d(input, kernel_size, stride or None, padding, dilation, ceil_mode)


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    return F.avg_pool1d(input, kernel_size, stride or None, padding, ceil_mode, count_include_pad)


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Any:
    return F.adaptive_avg_pool1d(input, output_size)


def selu_(input: Tensor) -> Any:
    return F.selu(input, True)


def celu_(input: Tensor, alpha: float = 1.0) -> Any:
    return F.celu(input, alpha, True)


def threshold_(input: Tensor, threshold: float, value: float) -> Any:
    return F.threshold(input, threshold, value, True)


# -- losses, with the reduction by number; a call that names none gets the losses of the elements ----------------------


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Any:
    return F.kl_div(input, target, reduction=REDUCTIONS[reduction], log_target=log_target)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Any = None, pos_weight: Any = None, reduction: int = 0
) -> Any:
    return F.binary_cross_entropy_with_logits(
        input, target, weight, reduction=REDUCTIONS[reduction], pos_weight=pos_weight
    )


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Any:
    return F.hinge_embedding_loss(input, target, margin, reduction=REDUCTIONS[reduction])


def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0) -> Any:
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=REDUCTIONS[reduction])


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Any:
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=REDUCTIONS[reduction])


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-06,
    swap: bool = False, reduction: int = 0,
) -> Any:  # fmt: skip
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=REDUCTIONS[reduction])


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Any:
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=REDUCTIONS[reduction])


# -- one step of a recurrent network -----------------------------------------------------------------------------------


def _maps(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any, Any]:
    return F.linear(input, w_ih, b_ih), F.linear(hx, w_hh, b_hh)


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    of_input, of_hidden = _maps(input, hx, w_ih, w_hh, b_ih, b_hh)
    return (of_hidden + of_input).tanh()


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    of_input, of_hidden = _maps(input, hx, w_ih, w_hh, b_ih, b_hh)
    return (of_hidden + of_input).relu()


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    from reference_engine.nn.sequences import STEPS

    return STEPS["GRU"](*_maps(input, hx, w_ih, w_hh, b_ih, b_hh), (hx,))[0]


def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> tuple[Any, Any]:
    from reference_engine.nn.sequences import STEPS

    hidden, cell = STEPS["LSTM"](*_maps(input, hx[0], w_ih, w_hh, b_ih, b_hh), tuple(hx))
    return hidden, cell


# -- methods and questions ---------------------------------------------------------------------------------------------


def detach(input: Tensor) -> Tensor:
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    return input.detach_()


def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Any:
    return input.resize_as_(the_template, memory_format=memory_format)


def as_strided_(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    return input.as_strided_(size, stride, storage_offset)


def zero_(input: Tensor) -> Any:
    return input.zero_()


def is_inference(input: Tensor) -> bool:
    return input.is_inference()


def is_conj(input: Tensor) -> bool:
    return input.is_conj()


def is_neg(input: Tensor) -> bool:
    return input.is_neg()


def is_nonzero(input: Tensor) -> bool:
    if input.numel() != 1:
        what = "no values" if input.numel() == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    return input.shape == other.shape


def is_signed(input: Tensor) -> bool:
    return input.dtype not in (dtypes.bool_, dtypes.uint8)


def is_distributed(input: Tensor) -> bool:
    return False


def is_storage(obj: Any, /) -> bool:
    from reference_engine.storage import Storage
    from reference_engine.typed_storage import TypedStorage

    return isinstance(obj, (Storage, TypedStorage))


def get_device(input: Tensor) -> int:
    return -1


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Shorten, in place, the rows that are looked up and longer than `max_norm`."""
    from reference_engine.ops.linear import renormalised

    renormalised(input, indices, max_norm, norm_type)
    return input


def _copying(name: str) -> Any:
    """What a sparse tensor keeps, as a copy."""

    def copy(input: Any) -> Any:
        return getattr(input, name)().clone()

    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    return copy


ccol_indices_copy, col_indices_copy = _copying("ccol_indices"), _copying("col_indices")
crow_indices_copy, row_indices_copy = _copying("crow_indices"), _copying("row_indices")
values_copy = _copying("values")
