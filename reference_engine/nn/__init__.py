"""``torch.nn``, as far as scripts about autograd need it."""

from __future__ import annotations

from reference_engine.nn import functional, init, parameter, utils
from reference_engine.nn.activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from reference_engine.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from reference_engine.nn.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from reference_engine.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d
from reference_engine.nn.embedding import Embedding
from reference_engine.nn.linear import Bilinear, Flatten, Identity, Linear, Unflatten
from reference_engine.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CosineSimilarity,
    CrossEntropyLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    NLLLoss,
    PairwiseDistance,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
)
from reference_engine.nn.module import Module
from reference_engine.nn.normalization import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from reference_engine.nn.parameter import Buffer, Parameter
from reference_engine.nn.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    ConstantPad1d,
    ConstantPad2d,
    MaxPool1d,
    MaxPool2d,
    PixelShuffle,
    ReflectionPad1d,
    ReflectionPad2d,
    ReplicationPad1d,
    ReplicationPad2d,
    Unfold,
    ZeroPad2d,
)
from reference_engine.nn.recurrent import GRUCell, LSTMCell, RNNCell

__all__ = [
    *(name for name, value in list(globals().items()) if isinstance(value, type)),
    "functional",
    "init",
    "parameter",
    "utils",
]
