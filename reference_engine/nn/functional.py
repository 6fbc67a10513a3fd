"""``torch.nn.functional``: what is written in other functions, or draws random numbers.

The differentiable functions themselves are declared in ``reference_engine.ops`` and added to this namespace when the
package is published.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import reference_engine as torch
from reference_engine import creation, dtypes
from reference_engine.nn.attention_function import multi_head_attention_forward as multi_head_attention_forward
from reference_engine.overrides import handle_torch_function as handle_torch_function
from reference_engine.overrides import has_torch_function as has_torch_function
from reference_engine.overrides import has_torch_function_unary as has_torch_function_unary
from reference_engine.overrides import has_torch_function_variadic as has_torch_function_variadic
from reference_engine.tensor import Tensor

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


# -- functions of the top level by another name ------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """The positive part."""
    return torch.relu_(input) if inplace else torch.relu(input)


def relu_(input: Tensor) -> Tensor:
    return torch.relu_(input)


def sigmoid(input: Tensor) -> Tensor:
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    return input.tanh()


# -- written in other functions ----------------------------------------------------------------------------------------


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A last dimension of zeros with a one at each index."""
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return creation.zeros((*tensor.shape, num_classes), dtype=dtypes.int64)
    values = tensor._read()
    if values.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(values.max()) + 1
    elif values.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    made = creation.zeros((*tensor.shape, num_classes), dtype=dtypes.int64)
    made._write((values[..., None] == range(num_classes)).astype(dtypes.int64.np))
    return made


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """`input` divided by its norm along `dim`."""
    if out is None:
        return input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    made: Tensor = torch.div(input, input.norm(p, dim, keepdim=True).clamp_min_(eps).expand_as(input), out=out)
    return made


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The losses of all elements put together."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """One minus the cosine for a pair that belongs together (target 1), what it exceeds the margin by for others."""
    dim = target.dim()
    product = (input1 * input2).sum(dim)
    first, second = (input1 * input1).sum(dim) + 1e-12, (input2 * input2).sum(dim) + 1e-12
    cosine = product / (first * second).sqrt()
    none = torch.zeros_like(cosine)
    together = torch.where(target == 1, 1 - cosine, none)
    apart = torch.where(target == -1, (cosine - margin).clamp_min(0), none)
    return reduced(together + apart, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """By how much the anchor is not nearer, by a margin, to the positive than to the negative."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = torch.nn.functional.pairwise_distance
    near, far = distance(anchor, positive, p, eps), distance(anchor, negative, p, eps)
    if swap:
        far = torch.minimum(far, distance(positive, negative, p, eps))
    return reduced((margin + near - far).clamp_min(0), reduction)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of a relaxed categorical distribution; with `hard` its one-hot form, with the gradient of the soft."""
    noise = -torch.empty_like(logits.detach()).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one = torch.zeros_like(logits.detach()).scatter_(dim, index, 1.0)
    return one - soft.detach() + soft


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> Any:
    """``interpolate`` under its older name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return torch.nn.functional.interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Any:
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return torch.nn.functional.interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Any:
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return torch.nn.functional.interpolate(input, size, scale_factor, "bilinear", True)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Each channel divided by a power of the mean square of its neighbours."""
    dim = input.dim()
    if dim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {dim} dimensions)")
    if input.numel() == 0:
        return input
    F = torch.nn.functional
    squares = input.mul(input)
    if dim == 3:
        padded = F.pad(squares.unsqueeze(1), (0, 0, size // 2, (size - 1) // 2))
        near = F.avg_pool2d(padded, (size, 1), stride=1).squeeze(1)
    else:
        shape = input.shape
        flat = squares.view(shape[0], 1, shape[1], shape[2], -1)
        padded = F.pad(flat, (0, 0, 0, 0, size // 2, (size - 1) // 2))
        near = F.avg_pool3d(padded, (size, 1, 1), stride=1).squeeze(1).view(shape)
    return input / near.mul(alpha).add(k).pow(beta)


def linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
    weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
    label_smoothing: float = 0.0, options: Any = None,
) -> Any:  # fmt: skip
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``, for weights of shape (C, *more, features).

    Args:
        ignore_index: -100 if None.
        options: how torch does it in chunks, which changes nothing here.

    Raises:
        RuntimeError: the weight is for inputs of another size.
    """
    features, shape = input.shape[-1], linear_weight.shape
    if features != shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {features} and {shape[-1]}, respectively"
        )
    flat_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = torch.nn.functional.linear(input, linear_weight.reshape(-1, features), flat_bias)
    logits = logits.reshape(*input.shape[:-1], *shape[:-1])
    ignored = -100 if ignore_index is None else ignore_index
    return torch.nn.functional.cross_entropy(
        logits, target, weight=weight, reduction=reduction, ignore_index=ignored, label_smoothing=label_smoothing
    )


def celu_(input: Tensor, alpha: float = 1.0) -> Any:
    return torch.nn.functional.celu(input, alpha, True)


def elu_(input: Tensor, alpha: float = 1.0) -> Any:
    return torch.nn.functional.elu(input, alpha, True)


def selu_(input: Tensor) -> Any:
    return torch.nn.functional.selu(input, True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Any:
    return torch.nn.functional.leaky_relu(input, negative_slope, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return torch.nn.functional.hardtanh(input, min_val, max_val, True)


def threshold_(input: Tensor, threshold: float, value: float) -> Any:
    return torch.nn.functional.threshold(input, threshold, value, True)
