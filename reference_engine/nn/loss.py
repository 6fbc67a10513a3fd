"""Losses."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from reference_engine.nn.applied import Applied

_OLD = {"size_average": None, "reduce": None}
_REDUCTION = {**_OLD, "reduction": "mean"}


class Loss(Applied):
    """A function of prediction and target; prints no options."""

    shown = ()
    buffers_: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields = self.__dict__
        if fields.get("size_average") is not None or fields.get("reduce") is not None:
            self.reduction = legacy_reduction(fields.get("size_average"), fields.get("reduce"))
        for name in ("size_average", "reduce"):
            fields.pop(name, None)
        for name in self.buffers_:
            self.register_buffer(name, fields.pop(name))

    def forward(self, *inputs: Any) -> Any:
        from reference_engine.nn import functional as F

        options = {name: getattr(self, name) for name in self.options if name not in _OLD}
        return getattr(F, self.function)(*inputs, **options)


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """What the two deprecated flags mean."""
    averaged, reduced = size_average is not False, reduce is not False
    reduction = "mean" if averaged and reduced else "sum" if reduced else "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", stacklevel=3
    )
    return reduction


class L1Loss(Loss):
    function = "l1_loss"
    options = _REDUCTION


class MSELoss(Loss):
    function = "mse_loss"
    options = _REDUCTION


class SmoothL1Loss(Loss):
    function = "smooth_l1_loss"
    options = {**_REDUCTION, "beta": 1.0}


class HuberLoss(Loss):
    function = "huber_loss"
    options = {"reduction": "mean", "delta": 1.0}


class NLLLoss(Loss):
    function = "nll_loss"
    options = {"weight": None, "size_average": None, "ignore_index": -100, "reduce": None, "reduction": "mean"}
    buffers_ = ("weight",)


class NLLLoss2d(NLLLoss):
    """The older name for images."""


class CrossEntropyLoss(Loss):
    function = "cross_entropy"
    options = {**NLLLoss.options, "label_smoothing": 0.0}
    buffers_ = ("weight",)


class BCELoss(Loss):
    function = "binary_cross_entropy"
    options = {"weight": None, **_REDUCTION}
    buffers_ = ("weight",)


class BCEWithLogitsLoss(Loss):
    function = "binary_cross_entropy_with_logits"
    options = {"weight": None, **_REDUCTION, "pos_weight": None}
    buffers_ = ("weight", "pos_weight")


class KLDivLoss(Loss):
    function = "kl_div"
    options = {**_REDUCTION, "log_target": False}


class HingeEmbeddingLoss(Loss):
    function = "hinge_embedding_loss"
    options = {"margin": 1.0, **_REDUCTION}


class MarginRankingLoss(Loss):
    function = "margin_ranking_loss"
    options = {"margin": 0.0, **_REDUCTION}


class CosineEmbeddingLoss(Loss):
    function = "cosine_embedding_loss"
    options = {"margin": 0.0, **_REDUCTION}


class SoftMarginLoss(Loss):
    function = "soft_margin_loss"
    options = _REDUCTION


class TripletMarginLoss(Loss):
    function = "triplet_margin_loss"
    options = {"margin": 1.0, "p": 2.0, "eps": 1e-06, "swap": False, **_REDUCTION}


class PoissonNLLLoss(Loss):
    function = "poisson_nll_loss"
    options = {
        "log_input": True,
        "full": False,
        "size_average": None,
        "eps": 1e-08,
        "reduce": None,
        "reduction": "mean",
    }


class GaussianNLLLoss(Loss):
    function = "gaussian_nll_loss"
    options = {"full": False, "eps": 1e-06, "reduction": "mean"}

    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> None:
        super().__init__(full, eps, reduction)


class MultiLabelSoftMarginLoss(Loss):
    function = "multilabel_soft_margin_loss"
    options = {"weight": None, **_REDUCTION}
    buffers_ = ("weight",)


class TripletMarginWithDistanceLoss(Loss):
    function = "triplet_margin_with_distance_loss"
    options = {"distance_function": None, "margin": 1.0, "swap": False, "reduction": "mean"}


class CosineSimilarity(Applied):
    """The cosine of the angle between vectors."""

    function = "cosine_similarity"
    options = {"dim": 1, "eps": 1e-08}
    shown = ()


class PairwiseDistance(Applied):
    """The norm of the difference of vectors."""

    function = "pairwise_distance"
    options = {"p": 2.0, "eps": 1e-06, "keepdim": False}
    shown = ()


class MultiLabelMarginLoss(Loss):
    function = "multilabel_margin_loss"
    options = _REDUCTION


class MultiMarginLoss(Loss):
    function = "multi_margin_loss"
    options = {"p": 1, "margin": 1.0, "weight": None, **_REDUCTION}
    buffers_ = ("weight",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if self.weight is not None and self.weight.dim() != 1:
            rank = self.weight.dim()
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {rank}D instead")


class CTCLoss(Loss):
    function = "ctc_loss"
    options = {"blank": 0, "reduction": "mean", "zero_infinity": False}
