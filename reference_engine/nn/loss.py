"""Losses."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from reference_engine.nn import functional as F
from reference_engine.nn.applied import Applied
from reference_engine.nn.module import Module
from reference_engine.tensor import Tensor

_OLD: dict[str, Any] = {"size_average": None, "reduce": None}
_REDUCTION: dict[str, Any] = {**_OLD, "reduction": "mean"}


class _Loss(Applied):
    """A function of prediction and target; prints no options.

    Args:
        size_average, reduce: what came before `reduction`.
    """

    inputs: ClassVar[tuple[str, ...]] = ("input", "target")
    options: ClassVar[dict[str, Any]] = _REDUCTION
    shown = ()
    constants: ClassVar[tuple[str, ...]] = ()  # tensors among the options, kept as buffers

    def configure(self, options: dict[str, Any]) -> None:
        size_average, reduce = options.pop("size_average", None), options.pop("reduce", None)
        if size_average is not None or reduce is not None:
            options["reduction"] = legacy_reduction(size_average, reduce)
        for name, value in options.items():
            if name in self.constants:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def apply_to(self, *inputs: Any) -> Any:
        passed = {name: getattr(self, name) for name in self.options if name not in _OLD}
        return getattr(F, self.function)(*inputs, **passed)


class _WeightedLoss(_Loss):
    """A loss with a weight for each class or element."""

    options = {"weight": None, **_REDUCTION}
    constants = ("weight",)


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """What the two deprecated flags mean."""
    averaged, reduced = size_average is not False, reduce is not False
    reduction = "mean" if averaged and reduced else "sum" if reduced else "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", stacklevel=5
    )
    return reduction


class L1Loss(_Loss):
    function = "l1_loss"


class MSELoss(_Loss):
    function = "mse_loss"


class SmoothL1Loss(_Loss):
    function = "smooth_l1_loss"
    options = {**_REDUCTION, "beta": 1.0}


class HuberLoss(_Loss):
    function = "huber_loss"
    options = {"reduction": "mean", "delta": 1.0}


class NLLLoss(_WeightedLoss):
    function = "nll_loss"
    options = {"weight": None, "size_average": None, "ignore_index": -100, "reduce": None, "reduction": "mean"}


class NLLLoss2d(NLLLoss):
    """The older name for images."""

    options = NLLLoss.options

    def configure(self, options: dict[str, Any]) -> None:
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement and see "
            "https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.",
            FutureWarning,
            stacklevel=4,
        )
        super().configure(options)


class CrossEntropyLoss(_WeightedLoss):
    function = "cross_entropy"
    options = {**NLLLoss.options, "label_smoothing": 0.0}


class BCELoss(_WeightedLoss):
    function = "binary_cross_entropy"


class BCEWithLogitsLoss(_Loss):
    function = "binary_cross_entropy_with_logits"
    options = {"weight": None, **_REDUCTION, "pos_weight": None}
    constants = ("weight", "pos_weight")


class KLDivLoss(_Loss):
    function = "kl_div"
    options = {**_REDUCTION, "log_target": False}


class HingeEmbeddingLoss(_Loss):
    function = "hinge_embedding_loss"
    options = {"margin": 1.0, **_REDUCTION}


class MarginRankingLoss(_Loss):
    function = "margin_ranking_loss"
    inputs = ("input1", "input2", "target")
    options = {"margin": 0.0, **_REDUCTION}


class CosineEmbeddingLoss(_Loss):
    function = "cosine_embedding_loss"
    inputs = ("input1", "input2", "target")
    options = {"margin": 0.0, **_REDUCTION}


class SoftMarginLoss(_Loss):
    function = "soft_margin_loss"


class TripletMarginLoss(_Loss):
    function = "triplet_margin_loss"
    inputs = ("anchor", "positive", "negative")
    options = {"margin": 1.0, "p": 2.0, "eps": 1e-06, "swap": False, **_REDUCTION}

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        _refuse_margin(self)


class PoissonNLLLoss(_Loss):
    function = "poisson_nll_loss"
    inputs = ("log_input", "target")
    options = {
        "log_input": True,
        "full": False,
        "size_average": None,
        "eps": 1e-08,
        "reduce": None,
        "reduction": "mean",
    }


class GaussianNLLLoss(_Loss):
    function = "gaussian_nll_loss"
    inputs = ("input", "target", "var")
    options = {"full": False, "eps": 1e-06, "reduction": "mean"}
    by_keyword = True


class MultiLabelSoftMarginLoss(_WeightedLoss):
    function = "multilabel_soft_margin_loss"


class TripletMarginWithDistanceLoss(_Loss):
    distance_function: Any
    function = "triplet_margin_with_distance_loss"
    inputs = ("anchor", "positive", "negative")
    options = {"distance_function": None, "margin": 1.0, "swap": False, "reduction": "mean"}
    by_keyword = True

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        _refuse_margin(self)
        if self.distance_function is None:
            self.distance_function = PairwiseDistance()


def _refuse_margin(loss: _Loss) -> None:
    if loss.margin <= 0:
        raise ValueError(f"{type(loss).__name__}: expected margin to be greater than 0, got {loss.margin} instead")


class CosineSimilarity(Applied):
    """The cosine of the angle between vectors."""

    function = "cosine_similarity"
    inputs = ("x1", "x2")
    options = {"dim": 1, "eps": 1e-08}
    shown = ()


class PairwiseDistance(Module):
    """The norm of the difference of vectors."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Any:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class MultiLabelMarginLoss(_Loss):
    function = "multilabel_margin_loss"


class MultiMarginLoss(_WeightedLoss):
    function = "multi_margin_loss"
    options = {"p": 1, "margin": 1.0, "weight": None, **_REDUCTION}

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        if self.p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if self.weight is not None and self.weight.dim() != 1:
            rank = self.weight.dim()
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {rank}D instead")


class CTCLoss(_Loss):
    function = "ctc_loss"
    inputs = ("log_probs", "targets", "input_lengths", "target_lengths")
    options = {"blank": 0, "reduction": "mean", "zero_infinity": False}
