"""In which submodule of ``torch.nn.modules`` a class is found: scripts name them, mostly to ask what a layer is."""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import Callable
from typing import Any

from reference_engine import nn
from reference_engine.nn import (
    conv,
    dropout,
    instance_norm,
    loss,
    normalization,
    padding,
    pooling,
    sequences,
    unpooling,
)
from reference_engine.nn import module as base
from reference_engine.nn.module_state import IncompatibleKeys

_CLASSES = {
    "_functions": "SyncBatchNorm CrossMapLRN2d",
    "activation":
        "Threshold ReLU RReLU Hardtanh ReLU6 Sigmoid Hardsigmoid Tanh SiLU Mish Hardswish ELU CELU SELU GLU "
        "GELU Hardshrink LeakyReLU LogSigmoid Softplus Softshrink MultiheadAttention PReLU Softsign "
        "Tanhshrink Softmin Softmax Softmax2d LogSoftmax",
    "adaptive": "AdaptiveLogSoftmaxWithLoss",
    "batchnorm": "BatchNorm1d LazyBatchNorm1d BatchNorm2d LazyBatchNorm2d BatchNorm3d LazyBatchNorm3d SyncBatchNorm",
    "channelshuffle": "ChannelShuffle",
    "container": "Container Sequential ModuleList ModuleDict ParameterList ParameterDict",
    "conv":
        "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d "
        "LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d",
    "distance": "PairwiseDistance CosineSimilarity",
    "dropout": "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
    "flatten": "Flatten Unflatten",
    "fold": "Fold Unfold",
    "instancenorm":
        "InstanceNorm1d LazyInstanceNorm1d InstanceNorm2d LazyInstanceNorm2d InstanceNorm3d "
        "LazyInstanceNorm3d",
    "linear": "Identity Linear Bilinear LazyLinear",
    "loss":
        "L1Loss NLLLoss NLLLoss2d PoissonNLLLoss GaussianNLLLoss KLDivLoss MSELoss BCELoss BCEWithLogitsLoss "
        "HingeEmbeddingLoss MultiLabelMarginLoss SmoothL1Loss HuberLoss SoftMarginLoss CrossEntropyLoss "
        "MultiLabelSoftMarginLoss CosineEmbeddingLoss MarginRankingLoss MultiMarginLoss TripletMarginLoss "
        "TripletMarginWithDistanceLoss CTCLoss LinearCrossEntropyLoss",
    "linear_cross_entropy_options": "LinearCrossEntropyOptions",
    "module": "Module",
    "normalization": "LocalResponseNorm CrossMapLRN2d LayerNorm GroupNorm RMSNorm",
    "padding":
        "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d "
        "ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d "
        "ZeroPad2d ZeroPad3d",
    "pixelshuffle": "PixelShuffle PixelUnshuffle",
    "pooling":
        "MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d AvgPool1d AvgPool2d AvgPool3d "
        "FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d AdaptiveMaxPool1d "
        "AdaptiveMaxPool2d AdaptiveMaxPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d",
    "rnn": "RNNBase RNN LSTM GRU RNNCellBase RNNCell LSTMCell GRUCell",
    "sparse": "Embedding EmbeddingBag",
    "transformer":
        "Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer TransformerDecoderLayer",
    "upsampling": "Upsample UpsamplingNearest2d UpsamplingBilinear2d",
}  # fmt: skip


def _named(module: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}


#: What several layers have in common.
_BASES: dict[str, dict[str, Any]] = {
    "batchnorm": _named(normalization, "_BatchNorm", "_NormBase"),
    "conv": _named(conv, "_ConvNd", "_ConvTransposeNd"),
    "dropout": _named(dropout, "_DropoutNd"),
    "instancenorm": _named(instance_norm, "_InstanceNorm"),
    "linear": {"NonDynamicallyQuantizableLinear": nn.Linear},
    "loss": _named(loss, "_Loss", "_WeightedLoss"),
    "module": {"_IncompatibleKeys": IncompatibleKeys, "_addindent": base.indent},
    "padding": _named(padding, "_CircularPadNd", "_ConstantPadNd", "_ReflectionPadNd", "_ReplicationPadNd"),
    "pooling": {
        **_named(pooling, "_AdaptiveAvgPoolNd", "_AdaptiveMaxPoolNd", "_AvgPoolNd", "_LPPoolNd", "_MaxPoolNd"),
        **_named(unpooling, "_MaxUnpoolNd"),
    },
    "rnn": _named(sequences, "RNNBase"),
}


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that repeats a number ``n`` times, and leaves a sequence as it is."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if hasattr(x, "__iter__") else tuple(itertools.repeat(x, n))

    parse.__name__ = name
    return parse


_UTILS = {
    "_single": _ntuple(1, "_single"), "_pair": _ntuple(2, "_pair"), "_triple": _ntuple(3, "_triple"),
    "_quadruple": _ntuple(4, "_quadruple"), "_ntuple": _ntuple,
}  # fmt: skip


def publish(package: str) -> None:
    """Make the submodules of ``package.nn.modules``, importable under torch's names."""
    parent = sys.modules[f"{package}.nn.modules"]
    for name in sorted({*_CLASSES, *_BASES, "utils"}):
        path = f"{package}.nn.modules.{name}"
        home = sys.modules[path] = base if name == "module" else types.ModuleType(path)  # with the global hooks
        for each in _CLASSES.get(name, "").split():
            setattr(home, each, getattr(nn, each))
        home.__dict__.update(_BASES.get(name, {}))
        if name == "utils":
            home.__dict__.update(_UTILS)
        setattr(parent, name, home)
