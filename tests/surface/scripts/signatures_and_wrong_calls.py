"""What `inspect` says of layers and functions, keywords for their inputs, and what wrong calls are told."""

import inspect

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.loss import _Loss, _WeightedLoss
from torch.nn.modules.padding import _ConstantPadNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd


def parameters(function):
    """Names and defaults."""
    try:
        found = inspect.signature(function).parameters.values()
    except ValueError as error:
        return str(error).split(" <")[0]
    return [
        (p.name, "" if p.default is p.empty or callable(p.default) else repr(p.default), str(p.kind)) for p in found
    ]


layers = (
    "ReLU ReLU6 ELU CELU SELU LeakyReLU RReLU SiLU Mish Hardsigmoid Hardswish Hardtanh Threshold GELU Softplus "
    "Softsign Tanhshrink LogSigmoid Softshrink Hardshrink GLU Softmax Softmax2d LogSoftmax Softmin L1Loss MSELoss "
    "SmoothL1Loss HuberLoss NLLLoss CrossEntropyLoss BCELoss BCEWithLogitsLoss KLDivLoss HingeEmbeddingLoss "
    "MarginRankingLoss CosineEmbeddingLoss SoftMarginLoss TripletMarginLoss PoissonNLLLoss GaussianNLLLoss "
    "MultiLabelSoftMarginLoss TripletMarginWithDistanceLoss CosineSimilarity PairwiseDistance MultiLabelMarginLoss "
    "MultiMarginLoss CTCLoss MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d "
    "AdaptiveMaxPool2d LPPool1d LPPool3d PixelShuffle PixelUnshuffle ChannelShuffle Fold Unfold Upsample "
    "UpsamplingNearest2d UpsamplingBilinear2d ReflectionPad1d ReplicationPad2d CircularPad3d ConstantPad1d ZeroPad2d "
    "MaxUnpool1d FractionalMaxPool2d Conv1d Conv3d ConvTranspose2d LazyConv1d LazyConvTranspose3d Dropout AlphaDropout "
    "BatchNorm1d InstanceNorm2d RMSNorm GRUCell LSTM CrossMapLRN2d Embedding"
).split()
for name in layers:
    layer = getattr(nn, name)
    print(name, parameters(layer), parameters(layer.forward))

for name in (
    "relu softmax log_softmax dropout max_pool2d embedding_bag layer_norm rms_norm threshold l1_loss gaussian_nll_loss "
    "triplet_margin_with_distance_loss interpolate pad softsign glu elu gelu linear conv2d avg_pool2d logsigmoid"
).split():
    print(name, parameters(getattr(F, name)))
for function in (
    torch.norm, torch.split, torch.stft, torch.istft, torch.einsum, torch.tensordot, torch.cdist, torch.unique,
    torch.add, torch.Tensor.norm, torch.Tensor.split, torch.Tensor.stft, torch.Tensor.lu, torch.Tensor.unflatten,
    torch.typename, torch.is_tensor, torch.is_storage, torch.set_default_dtype, torch.set_default_device,
    torch.set_warn_always, torch.chain_matmul, nn.Embedding.from_pretrained, nn.Sequential.extend,
    nn.parameter.UninitializedBuffer,
    torch.optim.lr_scheduler.SequentialLR, torch.optim.lr_scheduler.SequentialLR.step, nn.utils.clip_grad_norm,
):  # fmt: skip
    print(function.__name__, parameters(function))

x, y = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 0.5]])
print(nn.L1Loss()(input=x, target=y), nn.ReLU()(input=x), nn.RMSNorm(2)(x=x), nn.CosineSimilarity()(x2=y, x1=x))
print(nn.PoissonNLLLoss()(log_input=x, target=y), nn.ReflectionPad1d(1)(input=x), nn.RReLU()(input=x).shape)
print(nn.ReLU6(True), nn.Hardtanh(min_val=-3), nn.Hardswish(True), nn.ZeroPad1d(2), nn.ConstantPad1d(1, 0.5))
for made, base in (
    (nn.ReLU6(), nn.Hardtanh), (nn.ZeroPad1d(1), nn.ConstantPad1d), (nn.ZeroPad1d(1), _ConstantPadNd),
    (nn.L1Loss(), _Loss), (nn.L1Loss(), _WeightedLoss), (nn.NLLLoss(), _WeightedLoss), (nn.MaxPool1d(2), _MaxPoolNd),
    (nn.AvgPool2d(2), _AvgPoolNd), (nn.Conv1d(1, 1, 1), _ConvNd), (nn.Conv1d(1, 1, 1), _ConvTransposeNd),
    (nn.ConvTranspose1d(1, 1, 1), _ConvTransposeNd), (nn.AlphaDropout(), _DropoutNd), (nn.AlphaDropout(), nn.Dropout),
    (nn.BatchNorm1d(2), _BatchNorm), (nn.InstanceNorm1d(2), _BatchNorm), (nn.SyncBatchNorm(2), _BatchNorm),
):  # fmt: skip
    print(type(made).__name__, base.__name__, isinstance(made, base))

wrong = (
    lambda: nn.ReLU()(), lambda: nn.ReLU()(x, y), lambda: nn.ReLU()(x=x), lambda: nn.ReLU(1, 2), lambda: nn.ReLU(a=1),
    lambda: nn.MaxPool2d(), lambda: nn.LPPool1d(), lambda: nn.L1Loss()(x), lambda: nn.L1Loss(1, 2, 3, 4),
    lambda: nn.Softsign(3), lambda: nn.GaussianNLLLoss(True), lambda: nn.TripletMarginLoss(-1),
    lambda: nn.Hardtanh(2, 1), lambda: nn.CircularPad1d(1)(x=x), lambda: nn.Conv2d(1), lambda: nn.Conv1d(1, 2, 3)(x=x),
    lambda: nn.Fold(2),
    lambda: nn.Conv2d(1, 2, 3, output_padding=1), lambda: nn.ConvTranspose1d(1), lambda: nn.Dropout2d()(x=x),
    lambda: nn.BatchNorm1d(2)(x=x), lambda: nn.LSTM(2, 3)(x=x), lambda: nn.GRUCell(2), lambda: nn.MaxUnpool2d(),
    lambda: nn.LazyConv2d(2, 3, foo=1), lambda: nn.SyncBatchNorm(2)(x=x), lambda: nn.RMSNorm(2)(input=x),
    lambda: F.relu6(), lambda: F.relu6(x, foo=1), lambda: F.softmax(x, axis=1), lambda: F.max_pool2d(x),
    lambda: F.threshold(x), lambda: F.dropout(x, input=x), lambda: F.layer_norm(x), lambda: torch.norm(foo=1),
    lambda: torch.split(x), lambda: x.split(), lambda: x.norm(1, 2, 3, 4, 5), lambda: x.unflatten(),
    lambda: torch.einsum(),
    lambda: torch.einsum("ij"), lambda: torch.chain_matmul(), lambda: torch.meshgrid(),
    lambda: torch.typename(obj=1),
    lambda: torch.is_tensor(obj=1), lambda: torch.set_default_device(), lambda: torch.set_warn_always(1),
    lambda: nn.Embedding.from_pretrained(x[0]), lambda: nn.Sequential().extend(3), lambda: x.is_shared(1),
)  # fmt: skip
for call in wrong:
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, error)

print(torch.split(tensor=x, split_size_or_sections=1), torch.norm(x, 2, 1, False, None, torch.float64))
print(x.norm(2, 1, False, torch.float64), F.softmax(x, 1, 3, torch.float64))
table = nn.Embedding.from_pretrained(
    torch.arange(8.0).reshape(4, 2), max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True
)
print(table, table(torch.tensor([1, 2])))
print(nn.Sequential(nn.ReLU()).extend(sequential=nn.Sequential(nn.Tanh())))
print(x.share_memory_().is_shared(), y.is_shared(), torch.is_warn_always_enabled())
optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
first = torch.optim.lr_scheduler.ConstantLR(optimizer, 0.1, 2)
second = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [first, second], [2], last_epoch=3)
for _ in range(3):
    optimizer.step()
    schedule.step()
    print(schedule.last_epoch, schedule.get_last_lr())
